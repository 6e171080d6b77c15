package dev.ablation.service;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A headless Chromium, driven by its driver (W3C WebDriver). */
final class Browser implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final Process driver;
  private final HttpClient http = HttpClient.newHttpClient();
  private final URI base;
  private final String session;

  private Browser(Process driver, int port) throws IOException, InterruptedException {
    this.driver = driver;
    base = URI.create("http://localhost:" + port);
    waitForDriver();
    JsonElement capabilities =
        JsonParser.parseString(
            """
            {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {
              "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                       "--window-size=1280,1400", "--disable-background-networking",
                       "--no-first-run"]}}}}
            """);
    session =
        call("POST", "/session", capabilities).getAsJsonObject().get("sessionId").getAsString();
  }

  /** Starts a browser if its driver is on the path. */
  static Optional<Browser> start() throws IOException, InterruptedException {
    Optional<Path> program =
        Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
            .map(folder -> Path.of(folder, "chromedriver"))
            .filter(Files::isExecutable)
            .findFirst();
    if (program.isEmpty()) {
      return Optional.empty();
    }
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    Process driver =
        new ProcessBuilder(program.get().toString(), "--port=" + port)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      return Optional.of(new Browser(driver, port));
    } catch (IOException | RuntimeException e) {
      driver.destroy();
      throw e;
    }
  }

  private void waitForDriver() throws IOException, InterruptedException {
    Instant end = Instant.now().plus(PATIENCE);
    while (true) {
      try {
        call("GET", "/status", null);
        return;
      } catch (IOException e) {
        if (Instant.now().isAfter(end)) {
          throw e;
        }
        Thread.sleep(50);
      }
    }
  }

  private JsonElement call(String method, String path, JsonElement body)
      throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(base.resolve(path))
            .timeout(PATIENCE)
            .header("Content-Type", "application/json")
            .method(
                method,
                body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body.toString()))
            .build();
    JsonObject answer =
        JsonParser.parseString(http.send(request, BodyHandlers.ofString()).body())
            .getAsJsonObject();
    JsonElement value = answer.get("value");
    if (value.isJsonObject() && value.getAsJsonObject().has("error")) {
      throw new IOException(value.toString());
    }
    return value;
  }

  private JsonElement inSession(String method, String path, JsonElement body)
      throws IOException, InterruptedException {
    return call(method, "/session/" + session + path, body);
  }

  void open(String url) throws IOException, InterruptedException {
    JsonObject body = new JsonObject();
    body.addProperty("url", url);
    inSession("POST", "/url", body);
  }

  /** Runs a script of the test in the page and returns its result. */
  JsonElement run(String script) throws IOException, InterruptedException {
    JsonObject body = new JsonObject();
    body.addProperty("script", script);
    body.add("args", new JsonArray());
    return inSession("POST", "/execute/sync", body);
  }

  /** Waits until a script returns true. */
  void await(String condition) throws IOException, InterruptedException {
    Instant end = Instant.now().plus(PATIENCE);
    while (!run("return Boolean(" + condition + ")").getAsBoolean()) {
      if (Instant.now().isAfter(end)) {
        throw new IOException(
            "never true: "
                + condition
                + "; the page says "
                + run("return document.body.innerText"));
      }
      Thread.sleep(100);
    }
  }

  private String find(String css) throws IOException, InterruptedException {
    JsonObject body = new JsonObject();
    body.addProperty("using", "css selector");
    body.addProperty("value", css);
    JsonObject found = inSession("POST", "/element", body).getAsJsonObject();
    return found.entrySet().iterator().next().getValue().getAsString();
  }

  void click(String css) throws IOException, InterruptedException {
    inSession("POST", "/element/" + find(css) + "/click", new JsonObject());
  }

  void type(String css, String text) throws IOException, InterruptedException {
    String element = find(css);
    inSession("POST", "/element/" + element + "/clear", new JsonObject());
    JsonObject body = new JsonObject();
    body.addProperty("text", text);
    inSession("POST", "/element/" + element + "/value", body);
  }

  void screenshot(Path file) throws IOException, InterruptedException {
    byte[] png = Base64.getDecoder().decode(inSession("GET", "/screenshot", null).getAsString());
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.write(file, png);
  }

  /** What the page wrote to the console as an error. */
  List<String> errors() throws IOException, InterruptedException {
    JsonObject body = new JsonObject();
    body.addProperty("type", "browser");
    return inSession("POST", "/se/log", body).getAsJsonArray().asList().stream()
        .map(JsonElement::toString)
        .filter(line -> line.contains("SEVERE"))
        .toList();
  }

  @Override
  public void close() {
    try {
      inSession("DELETE", "", null);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      driver.destroy();
    }
  }
}
