package dev.ablation.examples;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Runs an example in this JVM. */
final class ExampleRun {
  private ExampleRun() {}

  /** The main method of an example. */
  interface Main {
    void main(String[] args) throws Exception;
  }

  /** Runs an example with its folder, and returns what it prints. */
  static String of(Main example, Path folder) throws Exception {
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      example.main(new String[] {folder.toString()});
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }
}
