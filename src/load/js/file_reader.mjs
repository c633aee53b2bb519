// FileReader (W3C File API), which Node has not: socket.io-client writes what is binary into a poll by it.
import { current } from './current.mjs';
import { Event, EventTarget } from './events.mjs';

const EMPTY = 0, LOADING = 1, DONE = 2;

export class FileReader extends EventTarget {
  #turn = 0;  // rises with each reading and abort()
  readyState = EMPTY;
  result = null;
  error = null;
  onloadstart = null;
  onprogress = null;
  onload = null;
  onabort = null;
  onerror = null;
  onloadend = null;

  readAsArrayBuffer(blob) { this.#read(blob, (bytes) => bytes); }
  readAsText(blob, charset = 'utf-8') { this.#read(blob, (bytes) => new TextDecoder(charset).decode(bytes)); }
  readAsBinaryString(blob) { this.#read(blob, (bytes) => Buffer.from(bytes).toString('latin1')); }
  readAsDataURL(blob) {
    this.#read(blob, (bytes) => `data:${blob.type || 'application/octet-stream'};base64,${Buffer.from(bytes).toString('base64')}`);
  }
  abort() {
    if (this.readyState !== LOADING) return;
    ++this.#turn;
    this.#end('abort', null, null);
  }

  #read(blob, made) {
    if (this.readyState === LOADING) throw new DOMException('It reads another one.', 'InvalidStateError');
    if (!(blob instanceof Blob)) throw new TypeError('A FileReader reads a Blob.');
    const turn = ++this.#turn, user = current.user;
    this.readyState = LOADING;
    this.result = this.error = null;
    void blob.arrayBuffer().then(
      (bytes) => {
        if (turn !== this.#turn) return;
        current.user = user;
        this.#tell('loadstart');
        if (turn === this.#turn) this.#end('load', made(bytes), null);
      },
      (error) => turn === this.#turn && this.#end('error', null, error));
  }
  #end(type, result, error) {
    const turn = this.#turn;
    Object.assign(this, { readyState: DONE, result, error });
    this.#tell(type);
    if (turn === this.#turn && this.readyState === DONE) this.#tell('loadend');
  }
  #tell(type) {
    this.dispatchEvent(new Event(type, { lengthComputable: false, loaded: 0, total: 0 }));
  }
}
for (const [name, value] of Object.entries({ EMPTY, LOADING, DONE }))
  for (const of of [FileReader, FileReader.prototype]) Object.defineProperty(of, name, { value, enumerable: true });
