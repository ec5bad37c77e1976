public protocol OS_xpc_object: AnyObject {}
public typealias xpc_object_t = any OS_xpc_object
