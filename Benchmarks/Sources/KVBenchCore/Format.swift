import Foundation

/// Figures as people read them: three digits, and the unit that fits.
public enum Format {
    /// Three significant digits.
    private static func digits(_ value: Double) -> String {
        let decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2
        return String(format: "%.\(decimals)f", value)
    }

    /// Events a second: `4.46 k`.
    public static func rate(_ perSecond: Double) -> String {
        switch perSecond {
        case 1e9...: digits(perSecond / 1e9) + " G"
        case 1e6...: digits(perSecond / 1e6) + " M"
        case 1e3...: digits(perSecond / 1e3) + " k"
        default: digits(perSecond)
        }
    }

    /// A time given in nanoseconds: `1.51 µs`.
    public static func time(_ nanoseconds: Double) -> String {
        switch nanoseconds {
        case 1e9...: digits(nanoseconds / 1e9) + " s"
        case 1e6...: digits(nanoseconds / 1e6) + " ms"
        case 1e3...: digits(nanoseconds / 1e3) + " µs"
        default: digits(nanoseconds) + " ns"
        }
    }

    /// Bytes: `323 MB`.
    public static func bytes(_ count: Double) -> String {
        switch abs(count) {
        case 1e9...: digits(count / 1e9) + " GB"
        case 1e6...: digits(count / 1e6) + " MB"
        case 1e3...: digits(count / 1e3) + " kB"
        default: digits(count) + " B"
        }
    }

    /// A ratio: `2.31`; small ones with more digits.
    public static func ratio(_ value: Double) -> String {
        value < 0.1 ? String(format: "%.3f", value) : digits(value)
    }

    /// A factor as it is written in a target: `2`, `2.5`.
    public static func factor(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : String(format: "%.3g", value)
    }

    /// A figure in the way that fits its kind.
    public static func value(_ value: Double, _ metric: Metric) -> String {
        switch metric {
        case .rate: rate(value) + "/s"
        case .p50, .p99, .p999: time(value)
        case .writtenPerPayload, .devicePerPayload: ratio(value)
        case .filePerEntry, .peakResident: bytes(value)
        case .figure(let name) where name.hasSuffix(" ns"): time(value)
        case .figure(let name) where name.hasSuffix("bytes"): bytes(value)
        case .figure(let name) where name.hasSuffix("MB/s"): digits(value) + " MB/s"
        case .figure(let name) where name.hasSuffix("/s"): rate(value) + "/s"
        case .figure: digits(value)
        }
    }
}
