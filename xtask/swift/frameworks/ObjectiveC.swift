public struct Selector: ExpressibleByStringLiteral {
    public init(stringLiteral: String) {}
}
