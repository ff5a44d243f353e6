/* Read all of a file with the calls of HDF5 1.6 and 1.8, and with H5LT, H5TB and H5IM; print what they say.
 *
 *   gcc -std=c99 -Wall -Wextra -O1 -I$TOOLS/hdf5-1.14/include tests/corpus/old_calls.c -o old_calls \
 *       -L$TOOLS/hdf5-1.14/lib -Wl,-rpath,$TOOLS/hdf5-1.14/lib -lhdf5_hl -lhdf5
 *   old_calls FILE
 *
 * The name of the file is never printed, so a local and a remote run print the same. Calls that fail print
 * "failed". Exit code 1 if the file cannot be opened.
 */
#include <ctype.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_READ ((hsize_t)64 << 20)
#define SAMPLED 20

static int depth;

static void indent(void) { printf("%*s", 2 * depth, ""); }

static void print_name(const char *name)
{
    putchar('"');
    for (; *name; name++)
        if ((unsigned char)*name < 32 || *name == '"' || *name == '\\')
            printf("\\x%02x", (unsigned char)*name);
        else
            putchar(*name);
    putchar('"');
}

/* ---- Values: a hash that looks through the type, so that padding and pointers do not count ---- */

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
    return hash_bytes(hash, &number, sizeof number);
}

static uint64_t hash_reference(hid_t object, hid_t type, const char *value, uint64_t hash)
{
    H5R_type_t kind = H5Tequal(type, H5T_STD_REF_OBJ) > 0       ? H5R_OBJECT
                      : H5Tequal(type, H5T_STD_REF_DSETREG) > 0 ? H5R_DATASET_REGION
                                                                : H5R_BADTYPE;
    if (kind == H5R_BADTYPE) {
        /* A reference of 1.12, for which there is no old call: it holds the file open until destroyed. */
        H5R_ref_t *reference = (H5R_ref_t *)(uintptr_t)value;
        hash = hash_number(hash, (uint64_t)H5Rget_type(reference));
        H5Rdestroy(reference);
        return hash;
    }
    hash = hash_number(hash, (uint64_t)H5Rget_obj_type1(object, kind, value));
    hid_t target = H5Rdereference1(object, kind, value);
    H5O_info1_t info;
    if (target >= 0 && H5Oget_info1(target, &info) >= 0)
        hash = hash_number(hash, info.addr);
    if (target >= 0)
        H5Oclose(target);
    if (kind == H5R_DATASET_REGION) {
        hid_t region = H5Rget_region(object, kind, value);
        if (region >= 0) {
            hash = hash_number(hash, (uint64_t)H5Sget_select_npoints(region));
            H5Sclose(region);
        }
    }
    return hash;
}

static uint64_t hash_value(hid_t object, hid_t type, const char *value, uint64_t hash)
{
    size_t size = H5Tget_size(type);
    switch (H5Tget_class(type)) {
    case H5T_COMPOUND:
        for (int i = 0; i < H5Tget_nmembers(type); i++) {
            hid_t member = H5Tget_member_type(type, (unsigned)i);
            hash = hash_value(object, member, value + H5Tget_member_offset(type, (unsigned)i), hash);
            H5Tclose(member);
        }
        return hash;
    case H5T_ARRAY: {
        hid_t base = H5Tget_super(type);
        size_t each = H5Tget_size(base);
        for (size_t at = 0; at + each <= size; at += each)
            hash = hash_value(object, base, value + at, hash);
        H5Tclose(base);
        return hash;
    }
    case H5T_VLEN: {
        const hvl_t *sequence = (const hvl_t *)value;
        hid_t base = H5Tget_super(type);
        hash = hash_number(hash, sequence->len);
        for (size_t i = 0; i < sequence->len; i++)
            hash = hash_value(object, base, (const char *)sequence->p + i * H5Tget_size(base), hash);
        H5Tclose(base);
        return hash;
    }
    case H5T_STRING:
        if (H5Tis_variable_str(type) > 0) {
            const char *text = *(char *const *)value;
            return text ? hash_bytes(hash, text, strlen(text) + 1) : hash_number(hash, 1);
        }
        return hash_bytes(hash, value, size);
    case H5T_REFERENCE:
        return hash_reference(object, type, value, hash);
    default:
        return hash_bytes(hash, value, size);
    }
}

/* The type to read with: native, and for floats double, since long double has padding of its own. */
static hid_t memory_type(hid_t type)
{
    if (H5Tget_class(type) == H5T_FLOAT)
        return H5Tcopy(H5T_NATIVE_DOUBLE);
    return H5Tget_native_type(type, H5T_DIR_DEFAULT);
}

static void print_hash(hid_t object, hid_t type, hid_t space, char *buffer, hssize_t count)
{
    uint64_t hash = 0xcbf29ce484222325u;
    size_t size = H5Tget_size(type);
    for (hssize_t i = 0; i < count; i++)
        hash = hash_value(object, type, buffer + (size_t)i * size, hash);
    printf("%" PRId64 " values of %zu bytes, hash %016" PRIx64 "\n", (int64_t)count, size, hash);
    if (H5Tdetect_class(type, H5T_VLEN) > 0 || H5Tis_variable_str(type) > 0 ||
        H5Tget_class(type) == H5T_COMPOUND)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, buffer);
}

/* ---- Attributes ---- */

static void print_attribute(hid_t attribute)
{
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute), memory = memory_type(type);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    printf("class %d rank %d storage %" PRIuHSIZE ": ", (int)H5Tget_class(type),
           H5Sget_simple_extent_ndims(space), H5Aget_storage_size(attribute));
    if (memory < 0) {
        printf("no native type\n");
    } else {
        char *buffer = calloc((size_t)count + 1, H5Tget_size(memory));
        if (H5Aread(attribute, memory, buffer) < 0)
            printf("failed\n");
        else
            print_hash(attribute, memory, space, buffer, count);
        free(buffer);
        H5Tclose(memory);
    }
    H5Sclose(space);
    H5Tclose(type);
}

static herr_t visit_attribute(hid_t object, const char *name, void *count)
{
    ++*(int *)count;
    hid_t attribute = H5Aopen_name(object, name);
    indent();
    printf("@");
    print_name(name);
    printf(" ");
    if (attribute < 0) {
        printf("failed\n");
        return 0;
    }
    print_attribute(attribute);
    H5Aclose(attribute);
    return 0;
}

static void print_attributes(hid_t object)
{
    int number = H5Aget_num_attrs(object), visited = 0;
    unsigned start = 0;
    if (number <= 0)
        return;
    H5Aiterate1(object, &start, visit_attribute, &visited);
    indent();
    printf("attributes %d, visited %d\n", number, visited);
    for (int i = 0; i < number && i < SAMPLED; i++) {
        char name[300];
        hid_t attribute = H5Aopen_idx(object, (unsigned)i);
        indent();
        if (attribute < 0 || H5Aget_name(attribute, sizeof name, name) < 0) {
            printf("attribute %d failed\n", i);
            continue;
        }
        printf("attribute %d is ", i);
        print_name(name);
        printf("\n");
        H5Aclose(attribute);
    }
}

/* ---- Datasets ---- */

static void print_creation(hid_t dataset)
{
    hid_t dcpl = H5Dget_create_plist(dataset);
    indent();
    printf("layout %d storage %" PRIuHSIZE " offset %" PRIdHADDR "\n", (int)H5Pget_layout(dcpl),
           H5Dget_storage_size(dataset), H5Dget_offset(dataset));
    for (int i = 0; i < H5Pget_nfilters(dcpl); i++) {
        unsigned flags, values[32];
        size_t count = 32;
        char name[100] = "";
        H5Z_filter_t filter = H5Pget_filter1(dcpl, (unsigned)i, &flags, &count, values, sizeof name, name);
        indent();
        printf("filter %d \"%s\" flags %u values", (int)filter, name, flags);
        for (size_t j = 0; j < count && j < 32; j++)
            printf(" %u", values[j]);
        printf("\n");
    }
    for (int i = 0; i < H5Pget_external_count(dcpl); i++) {
        char name[300];
        off_t offset;
        hsize_t size;
        H5Pget_external(dcpl, (unsigned)i, sizeof name, name, &offset, &size);
        indent();
        printf("external %s at %lld, %llu bytes\n", name, (long long)offset, (unsigned long long)size);
    }
    H5Pclose(dcpl);
}

/* Read every second element in each dimension into a contiguous buffer of the same rank. */
static void print_strided(hid_t dataset, hid_t memory, int rank, const hsize_t *shape)
{
    hsize_t start[H5S_MAX_RANK] = {0}, stride[H5S_MAX_RANK], count[H5S_MAX_RANK], total = 1;
    for (int i = 0; i < rank; i++) {
        stride[i] = 2;
        count[i] = (shape[i] + 1) / 2;
        total *= count[i];
    }
    if (total == 0)
        return;
    hid_t file = H5Dget_space(dataset), space = H5Screate_simple(rank, count, NULL);
    char *buffer = calloc(total, H5Tget_size(memory));
    H5Sselect_hyperslab(file, H5S_SELECT_SET, start, stride, count, NULL);
    indent();
    printf("every second: ");
    if (H5Dread(dataset, memory, space, file, H5P_DEFAULT, buffer) < 0)
        printf("failed\n");
    else
        print_hash(dataset, memory, space, buffer, (hssize_t)total);
    free(buffer);
    H5Sclose(space);
    H5Sclose(file);
}

static void print_data(hid_t dataset, hid_t type, hid_t space)
{
    hsize_t shape[H5S_MAX_RANK], maximum[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_dims(space, shape, maximum);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    hid_t memory = memory_type(type);
    indent();
    printf("class %d size %zu rank %d:", (int)H5Tget_class(type), H5Tget_size(type), rank);
    for (int i = 0; i < rank; i++)
        printf(" %lld/%lld", (long long)shape[i], (long long)maximum[i]);
    printf("\n");
    indent();
    if (memory < 0) {
        printf("no native type\n");
        return;
    }
    if ((hsize_t)count * H5Tget_size(memory) > LARGEST_READ) {
        printf("not read: large\n");
    } else {
        char *buffer = calloc((size_t)count + 1, H5Tget_size(memory));
        printf("data: ");
        if (H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer) < 0)
            printf("failed\n");
        else
            print_hash(dataset, memory, space, buffer, count);
        free(buffer);
        if (rank > 0 && rank < H5S_MAX_RANK)
            print_strided(dataset, memory, rank, shape);
    }
    H5Tclose(memory);
}

/* ---- The high-level library ---- */

static void print_table(hid_t group, const char *name)
{
    hsize_t fields, records;
    if (H5TBget_table_info(group, name, &fields, &records) < 0 || fields > 64 || records == 0)
        return;
    char *names[64];
    size_t sizes[64], offsets[64], size;
    for (hsize_t i = 0; i < fields; i++)
        names[i] = malloc(256);
    indent();
    printf("table of %d fields and %d records:", (int)fields, (int)records);
    if (H5TBget_field_info(group, name, names, sizes, offsets, &size) >= 0) {
        for (hsize_t i = 0; i < fields; i++)
            printf(" %s %zu@%zu", names[i], sizes[i], offsets[i]);
        hsize_t number = records < 5 ? records : 5;
        char *rows = calloc(number, size);
        /* Fields that hold pointers are not for hashing byte by byte. */
        hid_t dataset = H5Dopen1(group, name), type = H5Dget_type(dataset);
        bool plain = H5Tdetect_class(type, H5T_VLEN) == 0 && H5Tdetect_class(type, H5T_REFERENCE) == 0;
        for (int i = 0; i < H5Tget_nmembers(type); i++) {
            hid_t member = H5Tget_member_type(type, (unsigned)i);
            plain = plain && H5Tget_class(member) != H5T_COMPOUND && H5Tis_variable_str(member) == 0;
            H5Tclose(member);
        }
        if (plain && H5TBread_records(group, name, 0, number, size, offsets, sizes, rows) >= 0) {
            uint64_t hash = 0;
            for (hsize_t row = 0; row < number; row++)
                for (hsize_t i = 0; i < fields; i++)
                    hash = hash_bytes(hash, rows + row * size + offsets[i], sizes[i]);
            printf("; records %016" PRIx64, hash);
        }
        H5Tclose(type);
        H5Dclose(dataset);
        free(rows);
    }
    printf("\n");
    for (hsize_t i = 0; i < fields; i++)
        free(names[i]);
}

static void print_image(hid_t group, const char *name)
{
    hsize_t width, height, planes, palettes;
    char interlace[50] = "";
    hssize_t count;
    if (H5IMget_image_info(group, name, &width, &height, &planes, interlace, &count) < 0)
        return;
    unsigned char *pixels = calloc(width * height, planes);
    indent();
    printf("image %dx%dx%d palettes %d", (int)width, (int)height, (int)planes, (int)count);
    if (H5IMread_image(group, name, pixels) >= 0)
        printf(" pixels %016" PRIx64, hash_bytes(0, pixels, width * height * planes));
    if (count > 0 && H5IMget_palette_info(group, name, 0, &palettes) >= 0)
        printf(" first palette %d", (int)palettes);
    printf("\n");
    free(pixels);
}

static void print_lite(hid_t group, const char *name)
{
    int rank;
    if (H5LTget_dataset_ndims(group, name, &rank) < 0)
        return;
    hsize_t shape[H5S_MAX_RANK];
    H5T_class_t kind;
    size_t size;
    indent();
    printf("H5LT: found %d valid %d rank %d", (int)H5LTfind_dataset(group, name),
           (int)H5LTpath_valid(group, name, 1), rank);
    if (H5LTget_dataset_info(group, name, shape, &kind, &size) < 0) {
        printf(" failed\n");
        return;
    }
    printf(" class %d size %zu", (int)kind, size);
    hsize_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= shape[i];
    /* HDF5 crashes when it converts integers of more than eight bytes to floating point. */
    bool number = kind == H5T_FLOAT || (kind == H5T_INTEGER && size <= 8);
    if (number && count > 0 && count <= LARGEST_READ / 8) {
        double *values = calloc(count, sizeof *values);
        if (H5LTread_dataset_double(group, name, values) < 0)
            printf(" failed");
        else
            printf(" first %.17g last %.17g hash %016" PRIx64, values[0], values[count - 1],
                   hash_bytes(0, values, count * sizeof *values));
        free(values);
    } else if (kind == H5T_STRING && rank == 0 && size > 8) {
        char *text = calloc(size + 1, 1);
        if (H5LTread_dataset_string(group, name, text) >= 0)
            printf(" text %016" PRIx64, hash_bytes(0, text, size));
        free(text);
    }
    double value;
    if (H5LTget_attribute_ndims(group, name, "i", &rank) >= 0 && rank == 0 &&
        H5LTget_attribute_double(group, name, "i", &value) >= 0)
        printf(" i %g", value);
    if (H5LTget_attribute_info(group, name, "CLASS", shape, &kind, &size) >= 0 && kind == H5T_STRING &&
        size < 64) {
        char class[64] = "";
        if (H5LTget_attribute_string(group, name, "CLASS", class) >= 0)
            printf(" CLASS %s", class);
        printf("\n");
        if (strcmp(class, "TABLE") == 0)
            print_table(group, name);
        if (strcmp(class, "IMAGE") == 0)
            print_image(group, name);
        return;
    }
    printf("\n");
}

static void print_dataset(hid_t group, const char *name)
{
    hid_t dataset = H5Dopen1(group, name);
    if (dataset < 0) {
        indent();
        printf("failed\n");
        return;
    }
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    print_creation(dataset);
    print_attributes(dataset);
    print_data(dataset, type, space);
    print_lite(group, name);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(dataset);
}

static void print_named_type(hid_t group, const char *name)
{
    hid_t type = H5Topen1(group, name);
    indent();
    if (type < 0) {
        printf("failed\n");
        return;
    }
    printf("type of class %d and size %zu", (int)H5Tget_class(type), H5Tget_size(type));
    size_t length = 0;
    if (H5LTdtype_to_text(type, NULL, H5LT_DDL, &length) >= 0) {
        char *text = calloc(length + 1, 1);
        H5LTdtype_to_text(type, text, H5LT_DDL, &length);
        printf(" text %016" PRIx64, hash_bytes(0, text, strlen(text)));
        free(text);
    }
    printf("\n");
    print_attributes(type);
    H5Tclose(type);
}

/* ---- Groups ---- */

static struct {
    haddr_t *address;
    size_t count, room;
} visited;

static bool visited_before(haddr_t address)
{
    for (size_t i = 0; i < visited.count; i++)
        if (visited.address[i] == address)
            return true;
    if (visited.count == visited.room) {
        visited.room = visited.room ? 2 * visited.room : 64;
        visited.address = realloc(visited.address, visited.room * sizeof *visited.address);
    }
    visited.address[visited.count++] = address;
    return false;
}

static void print_group(hid_t location, const char *name);

static herr_t visit_member(hid_t group, const char *name, void *unused)
{
    (void)unused;
    H5G_stat_t status;
    indent();
    print_name(name);
    if (H5Gget_objinfo(group, name, false, &status) < 0) {
        printf(" failed\n");
        return 0;
    }
    printf(" type %d object %lu,%lu links %u time %lld length %zu\n", (int)status.type, status.objno[0],
           status.objno[1], status.nlink, (long long)status.mtime, status.linklen);
    depth++;
    H5O_info1_t info;
    if (status.type != H5G_LINK && status.type < H5G_UDLINK &&
        H5Oget_info_by_name1(group, name, &info, H5P_DEFAULT) >= 0) {
        indent();
        printf("object at %" PRIuHADDR " type %d references %u attributes %" PRIuHSIZE "\n", info.addr,
               (int)info.type, info.rc, info.num_attrs);
        /* Aliased groups would never end; other aliases are read again. */
        if (status.type == H5G_GROUP && !visited_before(info.addr))
            print_group(group, name);
        else if (status.type == H5G_DATASET)
            print_dataset(group, name);
        else if (status.type == H5G_TYPE)
            print_named_type(group, name);
    }
    if (status.type == H5G_LINK) {
        char *target = calloc(status.linklen + 1, 1);
        H5G_stat_t followed;
        if (H5Gget_linkval(group, name, status.linklen + 1, target) >= 0) {
            indent();
            print_name(target);
            printf("%s\n", H5Gget_objinfo(group, name, true, &followed) < 0 ? " leads nowhere" : "");
        }
        free(target);
    }
    depth--;
    return 0;
}

static void print_group(hid_t location, const char *name)
{
    hid_t group = H5Gopen1(location, name);
    hsize_t number = 0;
    int index = 0;
    char text[300] = "";
    if (group < 0 || H5Gget_num_objs(group, &number) < 0) {
        indent();
        printf("failed\n");
        return;
    }
    indent();
    printf("group of %d", (int)number);
    if (H5Gget_comment(group, ".", sizeof text, text) > 0)
        printf(" comment %s", text);
    printf("\n");
    print_attributes(group);
    for (hsize_t i = 0; i < number && i < SAMPLED; i++) {
        ssize_t length = H5Gget_objname_by_idx(group, i, text, sizeof text);
        indent();
        printf("%d: type %d length %d ", (int)i, (int)H5Gget_objtype_by_idx(group, i), (int)length);
        print_name(text);
        printf("\n");
    }
    H5Giterate(location, name, &index, visit_member, NULL);
    H5Gclose(group);
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info1_t *info, void *hash)
{
    H5L_info1_t again;
    uint64_t *sum = hash;
    *sum = hash_number(hash_bytes(*sum, name, strlen(name)), (uint64_t)info->type);
    if (info->type == H5L_TYPE_HARD)
        *sum = hash_number(*sum, info->u.address);
    if (H5Lget_info1(group, name, &again, H5P_DEFAULT) >= 0)
        *sum = hash_number(*sum, (uint64_t)again.corder);
    return 0;
}

static herr_t visit_object(hid_t object, const char *name, const H5O_info1_t *info, void *hash)
{
    uint64_t *sum = hash;
    *sum = hash_number(hash_bytes(*sum, name, strlen(name)), info->addr);
    hid_t opened = H5Oopen_by_addr(object, info->addr);
    if (opened >= 0) {
        *sum = hash_number(*sum, (uint64_t)H5Aget_num_attrs(opened));
        H5Oclose(opened);
    }
    return 0;
}

static void print_visits(hid_t file)
{
    static const H5_index_t indexes[] = {H5_INDEX_NAME, H5_INDEX_CRT_ORDER};
    for (int i = 0; i < 2; i++) {
        uint64_t hash[3] = {0, 0, 0};
        hsize_t next = 0;
        int links = H5Literate1(file, indexes[i], H5_ITER_INC, &next, visit_link, &hash[0]);
        int all = H5Lvisit1(file, indexes[i], H5_ITER_DEC, visit_link, &hash[1]);
        int objects = H5Ovisit1(file, indexes[i], H5_ITER_NATIVE, visit_object, &hash[2]);
        printf("index %d: links %d %016" PRIx64 " all %d %016" PRIx64 " objects %d %016" PRIx64 "\n", i,
               links, hash[0], all, hash[1], objects, hash[2]);
    }
    H5O_info1_t info;
    for (hsize_t i = 0; i < 3; i++)
        if (H5Oget_info_by_idx1(file, ".", H5_INDEX_NAME, H5_ITER_INC, i, &info, H5P_DEFAULT) >= 0)
            printf("object %d at %" PRIuHADDR "\n", (int)i, info.addr);
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: old_calls FILE\n");
        return 2;
    }
    H5Eset_auto1(NULL, NULL);
    printf("is HDF5: %d\n", (int)H5Fis_hdf5(arguments[1]));
    hid_t file = H5Fopen(arguments[1], H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) {
        printf("cannot open\n");
        return 1;
    }
    hsize_t size = 0;
    H5O_info1_t info;
    if (H5Fget_filesize(file, &size) >= 0 && H5Oget_info1(file, &info) >= 0)
        printf("size %" PRIuHSIZE " root at %" PRIuHADDR " objects open %d\n", size, info.addr,
               (int)H5Fget_obj_count(file, H5F_OBJ_ALL));
    visited_before(info.addr);
    print_visits(file);
    print_group(file, "/");
    H5Fclose(file);
    free(visited.address);
    return 0;
}
