/// What a database needs of its page storage beyond what a tree needs: transactions and versions
/// (``TransactionalStorage``), checkpoints (``CheckpointingStorage``), and a look inside (``StoreInspection``).
public protocol CheckpointedStorage: CheckpointingStorage, StoreInspection {}
