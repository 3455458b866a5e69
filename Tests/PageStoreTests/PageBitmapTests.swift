import StorageIOTesting
import Testing

@testable import PageStore

@Suite struct PageBitmapTests {
    @Test(arguments: Seeds.first(20)) func agreesWithASet(seed: UInt64) {
        let again: Comment = "\(Seeds.again(seed))"
        var random = SeededRandom(seed: seed)
        var bitmap = PageBitmap()
        var model: Set<Int> = []
        let span = [70, 5000, 300_000][Int(seed % 3)]
        for _ in 0..<600 {
            let page = random.below(span)
            let range = page..<page + random.below(200)
            switch random.below(7) {
            case 0: #expect(bitmap.insert(page) == model.insert(page).inserted, again)
            case 1: #expect(bitmap.remove(page) == (model.remove(page) != nil), again)
            case 2:
                bitmap.insert(range)
                model.formUnion(range)
            case 3:
                bitmap.remove(range)
                model.subtract(range)
            case 4: #expect(bitmap.next(from: page) == model.filter { $0 >= page }.min(), again)
            case 5:
                let run = bitmap.nextRun(from: page)
                #expect(run?.allSatisfy(model.contains) ?? true, again)
                if let run { #expect(!model.contains(run.upperBound), again) }
            default:
                let start = bitmap.startOfRun(endingAt: page)
                #expect((start..<page).allSatisfy(model.contains), again)
                #expect(start == 0 || !model.contains(start - 1), again)
            }
            #expect(bitmap.count == model.count, again)
            #expect(bitmap.contains(page) == model.contains(page), again)
        }
        #expect(bitmap.members == model.sorted(), again)
        bitmap.removeAll()
        #expect(bitmap.isEmpty && bitmap.next(from: 0) == nil, again)
    }

    /// What a forged superblock claims for the end of the file must cost no more than a few bytes for each
    /// megabyte of it: with a bit for every page this set would take 32 MB.
    @Test func aFarPageTakesMemoryForItself() {
        var pages = PageBitmap()
        let far = 1 << 28 - 5
        for page in [3, far] { pages.insert(page) }
        pages.insert(far + 1..<far + 100)
        #expect(pages.members == [3, far] + (far + 1..<far + 100))
        var copy = pages
        copy.formUnion(pages)
        copy.remove(4..<far + 50)
        #expect(copy.nextRun(from: 4) == far + 50..<far + 100)
        #expect(copy.byteCount < 2 << 20)
    }
}
