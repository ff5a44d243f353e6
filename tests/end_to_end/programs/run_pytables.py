"""Run modules of PyTables' own tests: run_pytables.py MODULE...

Prints a line for each test. Its runner would print dots, and its names are gone when a test has ended.
"""

import importlib
import sys
import unittest


class Lines(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.name, self.word, self.reason = test.id(), "PASSED", ""

    def stopTest(self, test):
        super().stopTest(test)
        print(f"{self.word} {self.name} - {self.reason}", flush=True)

    def addError(self, test, error):
        self.became("ERROR", test, error[1])

    def addFailure(self, test, error):
        self.became("FAILED", test, error[1])

    def addSkip(self, test, reason):
        self.became("SKIPPED", test, reason)

    def became(self, word, test, reason):
        reason = " ".join(str(reason).split())[-300:]
        if isinstance(test, unittest.TestCase):
            # The first trouble counts: what follows when the test is put away is a consequence.
            if self.word == "PASSED":
                self.word, self.reason = word, reason
        else:
            print(f"{word} {test.id()} - {reason}", flush=True)


for module in sys.argv[1:]:
    importlib.import_module(f"tables.tests.{module}").suite().run(Lines())
