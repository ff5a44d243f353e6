/* Follows a link to another file by every call that has an access list, which says how to open that file, and says what
 * each saw: follows FILE GROUP */

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

static const char *group;

static const char *
below(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", group, name);
    return path;
}

/* The attribute of an object, which is closed. */
static long long
attribute_of(hid_t object)
{
    long long value     = -1;
    hid_t     attribute = object < 0 ? -1 : H5Aopen(object, "a", H5P_DEFAULT);
    if (attribute >= 0)
        H5Aread(attribute, H5T_NATIVE_LLONG, &value);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (object >= 0)
        H5Oclose(object);
    return value;
}

static hid_t
list(hid_t class, hid_t how, unsigned flags)
{
    hid_t made = H5Pcreate(class);
    if (H5Pset_elink_fapl(made, how) < 0 || H5Pset_elink_acc_flags(made, flags) < 0)
        printf("no list\n");
    return made;
}

static void
follow(hid_t file, const char *driver, hid_t how)
{
    unsigned    flags = H5F_ACC_RDONLY;
    hid_t       dapl = list(H5P_DATASET_ACCESS, how, flags), gapl = list(H5P_GROUP_ACCESS, how, flags);
    hid_t       tapl = list(H5P_DATATYPE_ACCESS, how, flags), lapl = list(H5P_LINK_ACCESS, how, flags);
    hid_t       space = H5Screate(H5S_SCALAR), attribute, object;
    H5G_info_t  info = {0};
    H5A_info_t  about = {0};
    H5L_info2_t link;
    long long   value = -1;

    printf("%s dataset %lld\n", driver, attribute_of(H5Dopen2(file, below("x"), dapl)));
    printf("%s group %lld\n", driver, attribute_of(H5Gopen2(file, group, gapl)));
    printf("%s type %lld\n", driver, attribute_of(H5Topen2(file, below("t"), tapl)));
    printf("%s object %lld\n", driver, attribute_of(H5Oopen(file, below("x"), lapl)));
    printf("%s by index %lld\n", driver,
           attribute_of(H5Oopen_by_idx(file, group, H5_INDEX_NAME, H5_ITER_DEC, 0, lapl)));
    attribute = H5Aopen_by_name(file, below("x"), "a", H5P_DEFAULT, lapl);
    if (attribute >= 0) {
        H5Aread(attribute, H5T_NATIVE_LLONG, &value);
        H5Aclose(attribute);
    }
    printf("%s attribute %lld\n", driver, value);
    printf("%s attribute exists %d\n", driver, (int)H5Aexists_by_name(file, below("x"), "a", lapl));
    printf("%s attribute info %d\n", driver,
           (int)(H5Aget_info_by_name(file, below("x"), "a", &about, lapl) < 0 ? -1 : 1));
    printf("%s group info %d\n", driver, (int)(H5Gget_info_by_name(file, group, &info, lapl) < 0 ? -1 : 1));
    printf("%s link exists %d\n", driver, (int)H5Lexists(file, below("x"), lapl));
    printf("%s link info %d\n", driver, (int)(H5Lget_info2(file, below("x"), &link, lapl) < 0 ? -1 : 1));
    /* What would be made in the other file. */
    H5Pset_elink_acc_flags(dapl, H5F_ACC_RDWR);
    H5Pset_elink_acc_flags(gapl, H5F_ACC_RDWR);
    H5Pset_elink_acc_flags(lapl, H5F_ACC_RDWR);
    object = H5Gcreate2(file, below(driver), H5P_DEFAULT, H5P_DEFAULT, gapl);
    printf("%s makes group %d\n", driver, object < 0 ? -1 : 1);
    object = H5Dcreate2(file, below("made"), H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, dapl);
    printf("%s makes dataset %d\n", driver, object < 0 ? -1 : 1);
    attribute = H5Acreate_by_name(file, below("x"), driver, H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, lapl);
    printf("%s makes attribute %d\n", driver, attribute < 0 ? -1 : 1);
}

int
main(int argc, char **argv)
{
    hid_t file, sec2 = H5Pcreate(H5P_FILE_ACCESS), stdio_ = H5Pcreate(H5P_FILE_ACCESS);
    hid_t log = H5Pcreate(H5P_FILE_ACCESS), core = H5Pcreate(H5P_FILE_ACCESS);
    if (argc != 3)
        return 2;
    group = argv[2];
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Pset_fapl_sec2(sec2);
    H5Pset_fapl_stdio(stdio_);
    H5Pset_fapl_log(log, NULL, 0, 0);
    H5Pset_fapl_core(core, 1 << 20, 1);
    file = H5Fopen(argv[1], H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0)
        return 3;
    follow(file, "sec2", sec2);
    follow(file, "stdio", stdio_);
    follow(file, "log", log);
    follow(file, "core", core);
    return 0;
}
