/* Closes the library and opens it again, several times, and reads the files that it is given each time. */

#include <hdf5.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
    for (int round = 0; round < 5; round++) {
        if (H5open() < 0)
            return 1;
        for (int i = 1; i < argc; i++) {
            long long value     = -1;
            hid_t     file      = H5Fopen(argv[i], H5F_ACC_RDONLY, H5P_DEFAULT);
            hid_t     attribute = H5Aopen(file, "value", H5P_DEFAULT);
            if (file < 0 || attribute < 0 || H5Aread(attribute, H5T_NATIVE_LLONG, &value) < 0)
                return 2;
            printf("%lld\n", value);
            /* Every second time nothing is closed first. */
            if (round % 2 == 0 && (H5Aclose(attribute) < 0 || H5Fclose(file) < 0))
                return 3;
        }
        if (H5close() < 0)
            return 4;
    }
    return 0;
}
