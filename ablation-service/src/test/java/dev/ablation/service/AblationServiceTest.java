package dev.ablation.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.ByteArrayInputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;

@Timeout(300)
class AblationServiceTest {
  private static final String QUICK_JOB =
      """
      {
        // comments are allowed
        "model": "embedded",
        "targets": [{"name": "blueprint", "anchor": "twemoji"}],
        "method": {"closedForm": {"kind": "sequences"}},
        "evaluation": {"evaluator": "none"}
      }
      """;

  @TempDir private static Path folder;

  private static ConfigurableApplicationContext application;
  private static Client client;

  static ConfigurableApplicationContext start(Path folder, String... more) {
    List<String> arguments =
        new ArrayList<>(List.of("--server.port=0", "--ablation.service.folder=" + folder));
    arguments.addAll(List.of(more));
    return SpringApplication.run(AblationService.class, arguments.toArray(String[]::new));
  }

  static int port(ConfigurableApplicationContext application) {
    return ((WebServerApplicationContext) application).getWebServer().getPort();
  }

  @BeforeAll
  static void start() {
    application = start(folder, "--ablation.pool.queue=2");
    client = new Client(port(application));
  }

  @AfterAll
  static void stop() {
    application.close();
  }

  private static String image(String more) {
    return "{\"prompt\": \"a cat face, twemoji style\", \"seed\": 3, \"steps\": 2%s}"
        .formatted(more);
  }

  @Test
  void drawsAnImage() throws Exception {
    Client.Answer answer = client.post("/api/images", image(""), "Accept", "image/png");
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("image/png");
    var picture = ImageIO.read(new ByteArrayInputStream(answer.bytes()));
    assertThat(picture.getWidth()).isEqualTo(64);
    assertThat(client.post("/api/images", image(""), "Accept", "image/png").bytes())
        .as("the same seed")
        .isEqualTo(answer.bytes());
  }

  @Test
  void drawsSeveralImages() throws Exception {
    Client.Answer answer = client.post("/api/images", image(", \"count\": 2"));
    JsonArray images = answer.json().getAsJsonObject().getAsJsonArray("images");
    assertThat(images).hasSize(2);
    assertThat(images.get(1).getAsJsonObject().get("seed").getAsLong()).isEqualTo(4);
  }

  @Test
  void refusesWhatItCannotDraw() throws Exception {
    for (String[] wrong :
        new String[][] {
          {image(", \"count\": 9"), "count must be from 1 to 8, was 9"},
          {image(", \"guidanceScale\": -1"), "guidanceScale"},
          {image(", \"step\": 3"), "step"},
          {"{}", "prompt"},
          {"{", ""},
        }) {
      Client.Answer answer = client.post("/api/images", wrong[0]);
      assertThat(answer.status()).as(wrong[0]).isEqualTo(400);
      assertThat(answer.detail()).contains(wrong[1]);
    }
    Client.Answer answer = client.post("/api/images", image(", \"variant\": \"tenant-z\""));
    assertThat(answer.status()).isEqualTo(404);
    assertThat(answer.detail()).contains("tenant-z").contains("base");
    assertThat(client.post("/api/images", image(", \"count\": 2"), "Accept", "image/png").status())
        .isEqualTo(400);
  }

  @Test
  void saysWhenItHasTooMuchToDo() throws Exception {
    ExecutorService clients = Executors.newFixedThreadPool(12);
    List<Future<Client.Answer>> answers = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      answers.add(
          clients.submit(() ->
              client.post("/api/images", "{\"prompt\": \"a\", \"steps\": 20, \"count\": 2}")));
    }
    clients.shutdown();
    List<Integer> statuses = new ArrayList<>();
    for (Future<Client.Answer> answer : answers) {
      statuses.add(answer.get().status());
      if (answer.get().status() == 429) {
        assertThat(answer.get().header("Retry-After")).isNotEmpty();
        assertThat(answer.get().detail()).contains("try again");
      }
    }
    assertThat(statuses).contains(200, 429).containsOnly(200, 429);
  }

  private static JsonObject finished(String id) throws Exception {
    Instant end = Instant.now().plus(Duration.ofMinutes(3));
    while (true) {
      JsonObject run = client.get("/api/runs/" + id).json().getAsJsonObject();
      String state = run.get("state").getAsString();
      if (!state.equals("WAITING") && !state.equals("RUNNING")) {
        return run;
      }
      assertThat(Instant.now()).isBefore(end);
      Thread.sleep(100);
    }
  }

  @Test
  void runsAJobAndAppliesItsResult() throws Exception {
    Client.Answer estimate = client.post("/api/estimates", QUICK_JOB);
    assertThat(estimate.status()).as(estimate.text()).isEqualTo(200);
    assertThat(estimate.json().getAsJsonObject().getAsJsonArray("problems")).isEmpty();
    assertThat(estimate.json().getAsJsonObject().getAsJsonArray("costs")).isNotEmpty();

    Client.Answer accepted = client.post("/api/runs", QUICK_JOB);
    assertThat(accepted.status()).as(accepted.text()).isEqualTo(202);
    String id = accepted.json().getAsJsonObject().get("id").getAsString();
    assertThat(accepted.header("Location")).isEqualTo("/api/runs/" + id);
    JsonObject run = finished(id);
    assertThat(run.get("state").getAsString()).as(run.toString()).isEqualTo("DONE");
    Client.Answer events = client.get("/api/runs/" + id + "/events");
    assertThat(events.header("Content-Type")).startsWith("text/event-stream");
    assertThat(events.text()).contains("\"DONE\"");
    Client.Answer report = client.get("/api/runs/" + id + "/report");
    assertThat(report.header("Content-Security-Policy")).startsWith("sandbox");
    assertThat(report.text()).contains("blueprint");
    assertThat(client.get("/api/runs/" + id + "/delta").bytes()).isNotEmpty();

    String prompt =
        "{\"prompt\": \"a cat face, blueprint style\", \"seed\": 1, \"variant\": \"%s\"}";
    byte[] before =
        client.post("/api/images", prompt.formatted("base"), "Accept", "image/png").bytes();
    Client.Answer put = client.put("/api/variants/tenant-a", "{\"runs\": [\"%s\"]}".formatted(id));
    assertThat(put.status()).as(put.text()).isEqualTo(200);
    assertThat(put.text()).contains("blueprint");
    assertThat(client.get("/api/model").text()).contains("tenant-a");
    byte[] after =
        client.post("/api/images", prompt.formatted("tenant-a"), "Accept", "image/png").bytes();
    assertThat(after).isNotEqualTo(before);
    assertThat(client.post("/api/images", prompt.formatted("base"), "Accept", "image/png").bytes())
        .isEqualTo(before);
    assertThat(client.delete("/api/variants/tenant-a").status()).isEqualTo(204);
    assertThat(client.delete("/api/variants/tenant-a").status()).isEqualTo(404);
    assertThat(client.delete("/api/variants/base").status()).isEqualTo(400);
  }

  @Test
  void refusesJobsThatCannotBeCarriedOut() throws Exception {
    Client.Answer unknown = client.post("/api/runs", QUICK_JOB.replace("targets", "target"));
    assertThat(unknown.status()).isEqualTo(422);
    assertThat(unknown.detail()).contains("targets");
    Client.Answer outside = client.post("/api/runs", QUICK_JOB.replace("\"embedded\"", "\"/etc\""));
    assertThat(outside.status()).isEqualTo(422);
    assertThat(outside.detail()).contains("/etc");
    Client.Answer upwards =
        client.post("/api/runs", QUICK_JOB.replace("\"embedded\"", "\"../../model\""));
    assertThat(upwards.status()).isEqualTo(422);
    Client.Answer large = client.post("/api/runs", QUICK_JOB + " ".repeat(300_000));
    assertThat(large.status()).isEqualTo(413);
  }

  @Test
  void servesNoFileButItsOwn() throws Exception {
    for (String path :
        List.of(
            "/api/runs/../../etc/passwd",
            "/api/runs/%2e%2e/report",
            "/api/runs/9999/report",
            "/api/runs/0001/preview/..%2fjob.json",
            "/../application.properties",
            "/application.properties")) {
      assertThat(client.get(path).status()).as(path).isIn(400, 404);
    }
    assertThat(client.put("/api/variants/..", "{\"runs\": []}").status()).isIn(400, 404);
  }

  @Test
  void tellsHealthAndMetrics() throws Exception {
    assertThat(client.get("/actuator/health").text()).contains("ablation").contains("UP");
    client.post("/api/images", image(""));
    assertThat(client.get("/actuator/metrics/ablation.requests").text()).contains("completed");
  }

  @Test
  void servesThePageToThisMachineOnly() throws Exception {
    Client.Answer page = client.get("/");
    assertThat(page.status()).isEqualTo(200);
    assertThat(page.text()).contains("<h1>Ablation</h1>");
    assertThat(page.header("Content-Security-Policy")).startsWith("default-src 'self'");
    Client.Answer foreign = client.post("/api/images", image(""), "Origin", "http://example.org");
    assertThat(foreign.status()).isEqualTo(403);
  }
}
