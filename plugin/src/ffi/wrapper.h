/* What the plugin uses of HDF5's connector and driver interfaces; input of ./generate. */
#include <hdf5.h>
#include <H5PLextern.h>
#include <H5VLconnector.h>
#include <H5VLconnector_passthru.h>
#include <H5VLnative.h>
#include <H5FDdevelop.h>
