// What the calls of this module take and throw, and nothing else of the layer below: `System`, `File` and `Lock` are
// names that apps have themselves.
@_exported import protocol StorageIO.ByteSource
@_exported import struct StorageIO.StorageError
