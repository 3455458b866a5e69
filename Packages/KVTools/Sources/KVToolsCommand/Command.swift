import KVTools

@main
struct Command {
    static func main() {
        CommandLineTool.main()
    }
}
