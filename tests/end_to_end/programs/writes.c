/* Makes a file, extends it, or removes it: writes FILE make|extend|delete. */
#include <hdf5.h>
#include <stdio.h>
#include <string.h>

#define CHECK(call)                                                                                                    \
    if ((call) < 0) {                                                                                                  \
        printf("failed: %s\n", #call);                                                                                 \
        return 1;                                                                                                      \
    }

static int make(const char *name)
{
    hsize_t size = 10, most = H5S_UNLIMITED, chunk = 4;
    int     values[10];
    hid_t   file, space, list, data, group, attribute;

    for (int i = 0; i < 10; i++)
        values[i] = i * i;
    CHECK(file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    CHECK(space = H5Screate_simple(1, &size, &most));
    CHECK(list = H5Pcreate(H5P_DATASET_CREATE));
    CHECK(H5Pset_chunk(list, 1, &chunk));
    CHECK(H5Pset_obj_track_times(list, 0));
    CHECK(data = H5Dcreate2(file, "data", H5T_STD_I32LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
    CHECK(H5Dwrite(data, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    CHECK(H5Dflush(data));
    CHECK(group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    CHECK(attribute = H5Acreate2(group, "squares", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT));
    CHECK(H5Awrite(attribute, H5T_NATIVE_INT, values));
    CHECK(H5Fflush(file, H5F_SCOPE_LOCAL));
    CHECK(H5Aclose(attribute));
    CHECK(H5Gclose(group));
    CHECK(H5Dclose(data));
    CHECK(H5Fclose(file));
    puts("made");
    return 0;
}

static int extend(const char *name)
{
    hsize_t size = 15, start = 10, count = 5;
    int     more[5] = {1, 2, 3, 4, 5}, all[15];
    hid_t   file, data, space, memory;

    CHECK(file = H5Fopen(name, H5F_ACC_RDWR, H5P_DEFAULT));
    CHECK(data = H5Dopen2(file, "data", H5P_DEFAULT));
    CHECK(H5Dset_extent(data, &size));
    CHECK(space = H5Dget_space(data));
    CHECK(H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &count, NULL));
    CHECK(memory = H5Screate_simple(1, &count, NULL));
    CHECK(H5Dwrite(data, H5T_NATIVE_INT, memory, space, H5P_DEFAULT, more));
    CHECK(H5Ldelete(file, "group", H5P_DEFAULT));
    CHECK(H5Oflush(data));
    CHECK(H5Lmove(file, "data", file, "moved", H5P_DEFAULT, H5P_DEFAULT));
    CHECK(H5Dread(data, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, all));
    for (int i = 0; i < 15; i++)
        printf("%d ", all[i]);
    CHECK(H5Dclose(data));
    CHECK(H5Fclose(file));
    puts("extended");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (!strcmp(argv[2], "make"))
        return make(argv[1]);
    if (!strcmp(argv[2], "extend"))
        return extend(argv[1]);
    CHECK(H5Fdelete(argv[1], H5P_DEFAULT));
    return 0;
}
