/* Opens a remote file, and once more while the program ends: after the local values of its thread are gone. */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>

static const char *name;

static void late(void)
{
    puts(H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT) > 0 ? "late" : "failed");
}

int main(int argc, char **argv)
{
    name = argv[argc - 1];
    H5open();
    /* Runs before HDF5's own. */
    atexit(late);
    puts(H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT) > 0 ? "early" : "failed");
    return 0;
}
