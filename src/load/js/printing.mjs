// What a scenario prints is shown, but not more than that many lines a second: a line of each of 10,000 users would otherwise be what
// the run's time is spent on. The rest is counted.
const lines_a_second = 100, letters_max = 4000;

let second = -1, left = 0, unshown = 0;

export function limit_printing() {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = (chunk, ...rest) => {
      const done = rest.find((one) => typeof one === 'function');
      const now = Math.floor(performance.now() / 1000);
      if (now !== second) [second, left] = [now, lines_a_second];
      if (left > 0) {
        --left;
        if (chunk.length <= letters_max) return write(chunk, ...rest);
        return write(`${String(chunk.slice(0, letters_max))} ...\n`, done);
      }
      ++unshown;
      if (done) process.nextTick(done);
      return true;
    };
  }
}

// How many were not shown since the last call.
export function unshown_lines() {
  const sum = unshown;
  unshown = 0;
  return sum;
}
