// What fetch() and XMLHttpRequest send: bodies of the web's kinds, as the engine takes them, each with its own content type.
const NodeResponse = globalThis.Response;

const is_plain = (body) => body === null || body === undefined || typeof body === 'string' || ArrayBuffer.isView(body) || body instanceof ArrayBuffer;

// { body: a text, bytes or null, type: '' where it has none }
function plain(body) {
  if (body === null || body === undefined) return { body: null, type: '' };
  if (typeof body === 'string') return { body, type: 'text/plain;charset=UTF-8' };
  const bytes = body instanceof Uint8Array || body instanceof ArrayBuffer ? body : new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return { body: bytes, type: '' };
}

// At once where that is possible; else a promise.
export function sent_body(body) {
  if (is_plain(body)) return plain(body);
  if (body instanceof URLSearchParams) return { body: String(body), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  if (body instanceof Blob || body instanceof FormData || body instanceof ReadableStream || typeof body[Symbol.asyncIterator] === 'function') {
    const read = new NodeResponse(body);  // it knows how a form is written
    return read.arrayBuffer().then((bytes) => ({ body: bytes, type: read.headers.get('content-type') ?? '' }));
  }
  return plain(String(body));
}
