// Every call here can throw `StorageError` and lends `ByteView`s, so `import KVDB` brings them along.
@_exported import StorageIO
