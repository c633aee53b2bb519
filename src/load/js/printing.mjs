// What a scenario prints is bounded, as a million lines a second help nobody: what is over is counted, and that is said.
const lines_max = 1000, bytes_max = 256 * 1024;  // a second, each of stdout and stderr

function bound(stream) {
  const write = stream.write.bind(stream);
  let lines = 0, bytes = 0, left_out = 0, since = performance.now();

  const turn = () => {
    if (left_out > 0) write(`utakata: ${left_out} more lines than these were printed, and are left out: ${lines_max} a second are shown, or ${bytes_max >> 10} KB\n`);
    lines = bytes = left_out = 0;
    since = performance.now();
  };
  setInterval(turn, 1000).unref();
  stream.write = (data, encoding, done) => {
    if (performance.now() - since > 1000) turn();
    lines += 1;
    bytes += data.length;
    if (lines <= lines_max && bytes <= bytes_max && stream.writableLength <= bytes_max) return write(data, encoding, done);
    ++left_out;
    const told = typeof encoding === 'function' ? encoding : done;
    if (told) process.nextTick(told);
    return true;
  };
  return turn;
}

// What tells how much was left out; to be called before the end, too.
export function bound_printing() {
  const turns = [process.stdout, process.stderr].map(bound);
  return () => turns.forEach((turn) => turn());
}
