import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/**
 * Prints the totals of the tests of all modules: {@code java TestTotals.java ROOT START}.
 *
 * <p>Surefire prints totals per module only. This adds up its reports under {@code ROOT} that were
 * written since {@code START} (an ISO instant, the start of the build), so that reports left over
 * from earlier builds do not count.
 */
final class TestTotals {
  private TestTotals() {}

  public static void main(String[] args) throws IOException, XMLStreamException {
    Path root = Path.of(args[0]);
    Instant start = Instant.parse(args[1]);
    int run = 0;
    int failures = 0;
    int errors = 0;
    int skipped = 0;
    try (DirectoryStream<Path> modules = Files.newDirectoryStream(root, Files::isDirectory)) {
      for (Path module : modules) {
        Path reports = module.resolve("target/surefire-reports");
        if (!Files.isDirectory(reports)) {
          continue;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(reports, "TEST-*.xml")) {
          for (Path file : files) {
            if (Files.getLastModifiedTime(file).toInstant().isBefore(start)) {
              continue;
            }
            try (InputStream in = Files.newInputStream(file)) {
              XMLInputFactory factory = XMLInputFactory.newInstance();
              factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
              XMLStreamReader suite = factory.createXMLStreamReader(in);
              suite.nextTag();
              run += count(suite, "tests");
              failures += count(suite, "failures");
              errors += count(suite, "errors");
              skipped += count(suite, "skipped");
            }
          }
        }
      }
    }
    int failed = failures + errors;
    System.out.printf(
        "Tests run: %d, Failures: %d, Errors: %d, Skipped: %d%n", run, failures, errors, skipped);
    System.out.printf(
        "%d passed, %d failed, %d skipped%n", run - failed - skipped, failed, skipped);
  }

  private static int count(XMLStreamReader suite, String name) {
    String value = suite.getAttributeValue(null, name);
    return value == null ? 0 : Integer.parseInt(value);
  }
}
