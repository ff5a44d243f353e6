/* Prints the first value of the dataset "x" of a file. */

#include <hdf5.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
    static long long values[1000];
    hid_t            file, dataset;

    if (argc != 2)
        return 2;
    if ((file = H5Fopen(argv[1], H5F_ACC_RDONLY, H5P_DEFAULT)) < 0 ||
        (dataset = H5Dopen2(file, "x", H5P_DEFAULT)) < 0 ||
        H5Dread(dataset, H5T_NATIVE_LLONG, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        return 1;
    printf("%lld\n", values[0]);
    H5Dclose(dataset);
    H5Fclose(file);
    return 0;
}
