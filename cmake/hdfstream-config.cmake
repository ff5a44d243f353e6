# find_package(hdfstream) gives
#
#   hdfstream_PLUGIN_DIR            the folder for HDF5_PLUGIN_PATH
#   hdfstream_COMMAND               the command-line tool
#   hdfstream_SERVER                the server, if it is installed there too, else empty
#   hdfstream_test_environment(TEST...)
#                                   lets the programs of these CTest tests open files by URL
#
# There is nothing to compile or link against: programs use plain HDF5.

get_filename_component(_hdfstream_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(hdfstream_PLUGIN_DIR "${_hdfstream_prefix}/lib/hdfstream")
set(hdfstream_COMMAND "${_hdfstream_prefix}/bin/hdfstream")
set(hdfstream_SERVER "${_hdfstream_prefix}/bin/hdfstream-server")
unset(_hdfstream_prefix)

if (NOT EXISTS "${hdfstream_SERVER}")
    set(hdfstream_SERVER "")
endif ()

foreach (_hdfstream_file IN ITEMS
         "${hdfstream_PLUGIN_DIR}/libhdfstream_vol.so" "${hdfstream_COMMAND}")
    if (NOT EXISTS "${_hdfstream_file}")
        set(hdfstream_FOUND FALSE)
        set(hdfstream_NOT_FOUND_MESSAGE "${_hdfstream_file} is missing from the installation")
        unset(_hdfstream_file)
        return()
    endif ()
endforeach ()
unset(_hdfstream_file)

function (hdfstream_test_environment)
    foreach (test IN LISTS ARGN)
        set_property(TEST "${test}" APPEND PROPERTY ENVIRONMENT_MODIFICATION
            "HDF5_VOL_CONNECTOR=set:hdfstream"
            "HDF5_PLUGIN_PATH=path_list_prepend:${hdfstream_PLUGIN_DIR}")
    endforeach ()
endfunction ()
