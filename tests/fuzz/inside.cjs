// Loaded into the server before it starts (node -r): says over IPC what memory it holds, after everything that can be
// collected was, and what time it used. Needs --expose-gc.
process.on('message', (question) => {
  if (question !== 'memory') return;
  globalThis.gc();
  // Finalizers of the first round free more.
  setImmediate(() => {
    globalThis.gc();
    process.send({ memory: process.memoryUsage(), cpu: process.cpuUsage() });
  });
});
