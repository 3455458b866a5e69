import ArgumentParser
import Foundation
import StorageIO

/// The `kvtools` command.
public enum CommandLineTool {
    /// Runs one command and returns what the process should exit with. Never ends the process, so
    /// that tests can run commands in theirs.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - input: stands for standard input.
    ///   - output: stands for standard output.
    ///   - error: stands for standard error.
    public static func run(
        arguments: [String], input: any ByteInput, output: any ByteOutput, error: any ByteOutput
    ) -> CommandStatus {
        let session = Session(
            input: input, output: output, error: error, isJSON: asksForJSON(arguments))
        do {
            var command = try RootCommand.parseAsRoot(try ArgumentOrder.arranged(arguments))
            if let verb = command as? any Verb { return run(verb, in: session) }
            // Without a verb there is nothing to do, which a script must notice.
            if arguments.isEmpty { return session.reportWrongUsage(RootCommand.helpMessage()) }
            // The parser's own help, which throws what is to be printed.
            try command.run()
            return .success
        } catch {
            return session.report(parserError: error)
        }
    }

    private static func asksForJSON(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains("--json")
    }

    private static func run(_ verb: any Verb, in session: Session) -> CommandStatus {
        do throws(StorageError) {
            let status = try verb.run(in: session)
            try session.output.flush()
            return status
        } catch {
            // What was printed before the error is still true.
            try? session.output.flush()
            if error.isBrokenPipe && !verb.needsWholeOutput { return .success }
            return session.report(error)
        }
    }

    /// Runs the process's own command line and ends the process.
    public static func main() -> Never {
        // A reader that goes away, as in `kvtools list my.db | head`, and a file that may not grow any
        // further (`ulimit -f`) are errors of the write, and not the process's death.
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGXFSZ, SIG_IGN)
        occupyStandardDescriptors()
        let output = DescriptorOutput(descriptor: STDOUT_FILENO, name: "standard output")
        let error = DescriptorOutput(
            descriptor: STDERR_FILENO, name: "standard error", bufferByteCount: 0)
        var arguments: [String] = []
        var notText: Int?
        for index in 1..<max(1, Int(CommandLine.argc)) {
            // Swift would replace what is not UTF-8, and so silently write another key.
            if let start = unsafe CommandLine.unsafeArgv[index],
                let argument = unsafe String(validatingCString: start)
            {
                arguments.append(argument)
            } else {
                notText = notText ?? index
            }
        }
        if let notText {
            let session = Session(
                input: DescriptorInput(), output: output, error: error,
                isJSON: asksForJSON(arguments))
            exit(session.report(notUTF8(argument: notText)).rawValue)
        }
        let status = run(
            arguments: arguments, input: DescriptorInput(), output: output, error: error)
        exit(status.rawValue)
    }

    private static func notUTF8(argument: Int) -> StorageError {
        StorageError(
            .invalidArgument,
            "Argument \(argument) is not UTF-8. Give the bytes of a key or a value by --key-format or "
                + "--value-format escaped, hex or base64; give a file another name.")
    }

    /// Opens what is closed of the three standard descriptors, so that no file that the command opens
    /// gets one of their numbers and then its messages. Each is opened the wrong way round: to read
    /// from it, or to write to it, is an error, as it was while it was closed.
    private static func occupyStandardDescriptors() {
        for (descriptor, mode) in [
            (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
        ] where fcntl(descriptor, F_GETFD) < 0 {
            // The system gives the lowest free number, which is this one, as those below are taken.
            _ = unsafe open("/dev/null", mode)
        }
    }
}
