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
        let isJSON = arguments.prefix { $0 != "--" }.contains("--json")
        let session = Session(input: input, output: output, error: error, isJSON: isJSON)
        do {
            let ordered = try ArgumentOrder.verbFirst(arguments, verbs: RootCommand.verbs)
            var command = try RootCommand.parseAsRoot(ordered)
            if let verb = command as? any Verb { return run(verb, in: session) }
            // The root or the parser's own help, which throws what is to be printed.
            try command.run()
            return .success
        } catch {
            return session.report(parserError: error)
        }
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
        // A reader that goes away, as in `kvtools list my.db | head`, is an error of the write and
        // not the process's death.
        _ = signal(SIGPIPE, SIG_IGN)
        let error = DescriptorOutput(
            descriptor: STDERR_FILENO, name: "standard error", bufferByteCount: 0)
        var arguments: [String] = []
        for index in 1..<max(1, Int(CommandLine.argc)) {
            // Swift would replace what is not UTF-8, and so silently write another key.
            guard let start = unsafe CommandLine.unsafeArgv[index],
                let argument = unsafe String(validatingCString: start)
            else {
                try? error.write(
                    "kvtools: Argument \(index) is not UTF-8; give bytes with --key-format or "
                        + "--value-format escaped, hex or base64.\n")
                exit(CommandStatus.usage.rawValue)
            }
            arguments.append(argument)
        }
        let status = run(
            arguments: arguments, input: DescriptorInput(),
            output: DescriptorOutput(descriptor: STDOUT_FILENO, name: "standard output"),
            error: error)
        exit(status.rawValue)
    }
}
