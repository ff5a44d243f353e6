/* Looks at the first bytes with plain C, as careful programs do, and only then lets HDF5 open the file. */

#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static herr_t
show(hid_t group, const char *name, const H5L_info2_t *info, void *unused)
{
    (void)group, (void)info, (void)unused;
    puts(name);
    return 0;
}

int
main(int argc, char **argv)
{
    unsigned char magic[8];
    FILE         *stream;
    hid_t         file;

    if (argc != 2 || access(argv[1], R_OK) != 0 || (stream = fopen(argv[1], "rb")) == NULL)
        return 2;
    if (fread(magic, 1, 8, stream) != 8 || memcmp(magic, "\211HDF\r\n\032\n", 8) != 0)
        return 3;
    fclose(stream);
    if (H5Fis_accessible(argv[1], H5P_DEFAULT) <= 0)
        return 4;
    if ((file = H5Fopen(argv[1], H5F_ACC_RDONLY, H5P_DEFAULT)) < 0)
        return 5;
    if (H5Literate2(file, H5_INDEX_NAME, H5_ITER_INC, NULL, show, NULL) < 0)
        return 6;
    return H5Fclose(file) < 0 ? 7 : 0;
}
