/** Ends the output with `N passed, N failed` (and `, N skipped`) alone on a line: jest's own summary is not read by CI. */
class ClosingLine {
  ran = 0;

  onTestFileResult(_test, result) {
    // A file that does not even load has run something: it is counted as failed below.
    this.ran += result.numPassingTests + result.numFailingTests + (result.testExecError ? 1 : 0);
  }

  /** Jest turns a reporter's error into a failed run: all tests skipped is not a success. */
  getLastError() {
    return this.ran === 0 ? new Error('No test ran.') : undefined;
  }

  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
    // At exit: jest still prints its own summary after this.
    process.once('exit', () => process.stdout.write(`\n${line}\n`));
  }
}

module.exports = ClosingLine;
