"""The C API as ctypes sees it, one to one; `surfaceport` itself is made of this.

The declarations are checked against surfaceport.h by a test. Programs need nothing of it as long as the
package has what they want; it is not kept stable.
"""
