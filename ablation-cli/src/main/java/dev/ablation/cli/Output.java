package dev.ablation.cli;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import java.io.PrintWriter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** The option {@code --json}, and the two forms of what a command prints. */
final class Output {
  @Option(names = "--json", description = "Prints the result as JSON, for scripts.")
  private boolean json;

  /** Prints a result in the form that was asked for. */
  void print(CommandSpec spec, JsonElement result, String text) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(text(result));
    } else {
      out.print(text);
    }
    out.flush();
  }

  /** The form in which JSON is printed and written. */
  static String text(JsonElement result) {
    return new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create().toJson(result);
  }

  boolean isJson() {
    return json;
  }
}
