// Prints "N passed, N failed" last of all: one plain closing line for people and for CI systems that do not know jest.
import process from 'node:process';

export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const brokenSuites = results.testResults.filter(
      (suite) => suite.testExecError !== undefined && suite.testExecError !== null,
    ).length;
    const failed = results.numFailedTests + brokenSuites;
    // jest's own summary comes after every reporter
    process.once('exit', () => console.log(`\n${results.numPassedTests} passed, ${failed} failed`));
  }
}
