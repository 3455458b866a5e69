// The command's sources replace this file.
@main struct Placeholder {
    static func main() {}
}
