// Prints "N passed, N failed": one plain closing line for people and for CI systems that do not know jest.
export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const brokenSuites = results.testResults.filter(
      (suite) => suite.testExecError !== undefined && suite.testExecError !== null,
    ).length;
    const failed = results.numFailedTests + brokenSuites;
    console.log(`\n${results.numPassedTests} passed, ${failed} failed`);
  }
}
