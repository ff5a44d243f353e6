/* Writes and flushes a file, writes on, and ends in the way named without closing anything. */
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(hid_t file, const char *name)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t data = H5Dcreate2(file, name, H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    int value = 1;
    H5Dwrite(data, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value);
}

int main(int argc, char **argv)
{
    hid_t file = H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (argc < 3 || file < 0)
        return 1;
    add(file, "x");
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0)
        return 2;
    add(file, "y");
    if (!strcmp(argv[2], "exit"))
        exit(0);
    if (!strcmp(argv[2], "_exit"))
        _exit(0);
    if (!strcmp(argv[2], "abort"))
        abort();
    return 0;
}
