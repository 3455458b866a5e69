// The one thing about RocksDB that only its C++ headers tell.

#include <rocksdb/version.h>

#define TEXT(number) #number
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

extern "C" const char *peer_rocksdb_version(void) {
    return VERSION(ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH);
}
