"""What schemathesis can't know of this API: how a message looks."""
import schemathesis


@schemathesis.serializer("message/rfc822")
def message(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
