/// Where a tree keeps its pages: the seam between tree and storage. A tree reads (``PageReading``) and changes
/// (``PageWriting``).
public protocol PageStorage: PageWriting {}
