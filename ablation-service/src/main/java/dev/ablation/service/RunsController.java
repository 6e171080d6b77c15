package dev.ablation.service;

import dev.ablation.job.AblationJob;
import dev.ablation.job.JobRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.springframework.core.io.FileSystemResource;
import org.springframework.core.io.Resource;
import org.springframework.http.ContentDisposition;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.util.MultiValueMap;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/** Takes job files. */
@RestController
final class RunsController {
  private static final Pattern PREVIEW = Pattern.compile("step-\\d{1,9}-\\d{1,4}\\.png");
  private static final int MOST_PREVIEWS = 8;
  private static final int LONGEST_PROMPT = 500;

  /** A report shows what it holds, runs nothing and asks for nothing. */
  private static final String REPORT_POLICY =
      "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
          + " script-src 'unsafe-inline'";

  private final Runs runs;
  private final long largestJob;

  RunsController(Runs runs, ServiceProperties properties) {
    this.runs = runs;
    largestJob = properties.jobSize().toBytes();
  }

  private AblationJob job(String text) {
    if (text.length() > largestJob) {
      throw new Problem(
          HttpStatus.CONTENT_TOO_LARGE,
          "a job file must have at most %d bytes, had %d".formatted(largestJob, text.length()));
    }
    return runs.job(text);
  }

  /** Not a list parameter, which would be split at commas. */
  private static List<String> preview(MultiValueMap<String, String> parameters) {
    List<String> prompts = parameters.getOrDefault("preview", List.of());
    if (prompts.size() > MOST_PREVIEWS
        || prompts.stream().anyMatch(prompt -> prompt.length() > LONGEST_PROMPT)) {
      throw new IllegalArgumentException(
          "preview must be at most %d prompts of at most %d characters"
              .formatted(MOST_PREVIEWS, LONGEST_PROMPT));
    }
    return prompts;
  }

  @PostMapping(
      path = "/api/runs",
      consumes = {MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE})
  ResponseEntity<RunView> start(
      @RequestBody String text, @RequestParam MultiValueMap<String, String> parameters)
      throws IOException {
    Run run = runs.start(job(text), preview(parameters));
    return ResponseEntity.accepted()
        .header(HttpHeaders.LOCATION, "/api/runs/" + run.id())
        .body(run.view());
  }

  @PostMapping(
      path = "/api/estimates",
      consumes = {MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE})
  Runs.Estimated estimate(@RequestBody String text) throws IOException {
    return runs.estimate(job(text));
  }

  @GetMapping("/api/runs")
  List<RunView> all() {
    return runs.all().stream().map(Run::view).toList();
  }

  @GetMapping("/api/runs/{id}")
  RunView one(@PathVariable String id) {
    return runs.get(id).view();
  }

  @PostMapping("/api/runs/{id}/resume")
  @ResponseStatus(HttpStatus.ACCEPTED)
  RunView resume(@PathVariable String id, @RequestParam MultiValueMap<String, String> parameters) {
    return runs.resume(id, preview(parameters)).view();
  }

  @DeleteMapping("/api/runs/{id}")
  @ResponseStatus(HttpStatus.ACCEPTED)
  void cancel(@PathVariable String id) {
    runs.cancel(id);
  }

  /** Every change of a run, until it ends or the caller goes. */
  @GetMapping(path = "/api/runs/{id}/events", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
  SseEmitter events(@PathVariable String id) {
    SseEmitter emitter = new SseEmitter(0L);
    RunEvents events = new RunEvents(emitter);
    Runnable stop = runs.get(id).watch(events);
    emitter.onCompletion(stop);
    emitter.onError(e -> stop.run());
    return emitter;
  }

  @GetMapping("/api/runs/{id}/report")
  ResponseEntity<Resource> report(@PathVariable String id) {
    Path file = runs.get(id).folder().resolve(JobRun.REPORT);
    return ResponseEntity.ok()
        .header("Content-Security-Policy", REPORT_POLICY)
        .contentType(MediaType.TEXT_HTML)
        .body(existing(file));
  }

  @GetMapping("/api/runs/{id}/delta")
  ResponseEntity<Resource> delta(@PathVariable String id) {
    Run run = runs.get(id);
    return ResponseEntity.ok()
        .header(
            HttpHeaders.CONTENT_DISPOSITION,
            ContentDisposition.attachment()
                .filename("delta-%s.safetensors".formatted(run.id()))
                .build()
                .toString())
        .contentType(MediaType.APPLICATION_OCTET_STREAM)
        .body(existing(run.delta()));
  }

  @GetMapping("/api/runs/{id}/preview/{file}")
  ResponseEntity<Resource> preview(@PathVariable String id, @PathVariable String file) {
    Run run = runs.get(id);
    if (!PREVIEW.matcher(file).matches()) {
      throw new Problem(HttpStatus.NOT_FOUND, "there is no preview image '%s'".formatted(file));
    }
    return ResponseEntity.ok()
        .contentType(MediaType.IMAGE_PNG)
        .body(existing(run.folder().resolve(Runs.PREVIEW).resolve(file)));
  }

  private static Resource existing(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new Problem(HttpStatus.NOT_FOUND, "there is no '%s' yet".formatted(file.getFileName()));
    }
    return new FileSystemResource(file);
  }
}
