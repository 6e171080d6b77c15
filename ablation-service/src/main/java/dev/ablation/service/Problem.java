package dev.ablation.service;

import org.springframework.http.HttpStatus;

/** What a caller is told, with its status. */
final class Problem extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Of the response. */
  private final HttpStatus status;

  Problem(HttpStatus status, String message) {
    super(message);
    this.status = status;
  }

  HttpStatus status() {
    return status;
  }
}
