import Foundation

/// Prints a line at once, also into a pipe or a file.
func say(_ text: String) {
    print(text)
    fflush(nil)
}
