package dev.ablation.service;

import dev.ablation.error.AblationException;
import dev.ablation.job.InvalidJobException;
import java.nio.file.FileAlreadyExistsException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;

/** Turns exceptions into problem details (RFC 9457). */
@RestControllerAdvice
final class Problems extends ResponseEntityExceptionHandler {
  private static final Logger LOG = LoggerFactory.getLogger(Problems.class);
  private static final String RETRY_SECONDS = "2";

  @ExceptionHandler
  ResponseEntity<ProblemDetail> of(Throwable thrown) {
    Throwable e =
        thrown instanceof CompletionException && thrown.getCause() != null
            ? thrown.getCause()
            : thrown;
    if (e instanceof Problem problem) {
      return response(problem.status(), e);
    }
    if (e instanceof RejectedExecutionException) {
      return ResponseEntity.status(HttpStatus.TOO_MANY_REQUESTS)
          .header(HttpHeaders.RETRY_AFTER, RETRY_SECONDS)
          .body(detail(HttpStatus.TOO_MANY_REQUESTS, e.getMessage()));
    }
    if (e instanceof TimeoutException) {
      return ResponseEntity.status(HttpStatus.GATEWAY_TIMEOUT)
          .body(detail(HttpStatus.GATEWAY_TIMEOUT, "the deadline of the request has passed"));
    }
    if (e instanceof CancellationException) {
      return ResponseEntity.status(HttpStatus.SERVICE_UNAVAILABLE)
          .body(detail(HttpStatus.SERVICE_UNAVAILABLE, "the request was cancelled"));
    }
    if (e instanceof OutOfMemoryError) {
      LOG.error("out of memory", e);
      return ResponseEntity.status(HttpStatus.SERVICE_UNAVAILABLE)
          .body(detail(HttpStatus.SERVICE_UNAVAILABLE, "the service is out of memory"));
    }
    if (e instanceof InvalidJobException) {
      return response(HttpStatus.UNPROCESSABLE_CONTENT, e);
    }
    if (e instanceof FileAlreadyExistsException) {
      return response(HttpStatus.CONFLICT, e);
    }
    if (e instanceof IllegalArgumentException || e instanceof AblationException) {
      return response(HttpStatus.BAD_REQUEST, e);
    }
    if (e instanceof IllegalStateException) {
      return response(HttpStatus.SERVICE_UNAVAILABLE, e);
    }
    LOG.error("a request failed", e);
    return ResponseEntity.internalServerError()
        .body(
            detail(
                HttpStatus.INTERNAL_SERVER_ERROR,
                "the request failed; the service's log says why"));
  }

  /** What is wrong with the values of a body, and not where Jackson was in it. */
  @Override
  protected @Nullable ResponseEntity<Object> handleHttpMessageNotReadable(
      HttpMessageNotReadableException e,
      HttpHeaders headers,
      HttpStatusCode status,
      WebRequest request) {
    Throwable cause = e;
    while (cause.getCause() != null && !(cause instanceof IllegalArgumentException)) {
      cause = cause.getCause();
    }
    String message = String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
    return ResponseEntity.badRequest().body(detail(HttpStatus.BAD_REQUEST, message));
  }

  private static ResponseEntity<ProblemDetail> response(HttpStatus status, Throwable e) {
    return ResponseEntity.status(status).body(detail(status, e.getMessage()));
  }

  private static ProblemDetail detail(HttpStatus status, @Nullable String message) {
    return ProblemDetail.forStatusAndDetail(status, String.valueOf(message));
  }
}
