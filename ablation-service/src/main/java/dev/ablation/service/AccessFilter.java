package dev.ablation.service;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.web.server.autoconfigure.ServerProperties;
import org.springframework.http.HttpHeaders;
import org.springframework.http.ResponseCookie;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Who may use the service. Without a token: browsers and programs of this machine that call it by
 * this machine's own name, so that neither another host nor a page of another site in a browser
 * here gets in. With a token: who has it.
 */
@Component
final class AccessFilter extends OncePerRequestFilter {
  private static final String COOKIE = "ablation-token";
  private static final String BEARER = "Bearer ";

  /** A report is a page without own files and has a policy of its own. */
  private static final String REPORT = "/report";

  private static final String POLICY =
      "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self';"
          + " frame-ancestors 'self'";

  private static final Set<String> OWN_NAMES = Set.of("localhost", "127.0.0.1", "[::1]");
  private static final Set<String> READING = Set.of("GET", "HEAD");

  private final @Nullable String token;

  AccessFilter(ServiceProperties properties, ServerProperties server) {
    token = properties.token();
    InetAddress address = server.getAddress();
    if (token == null && (address == null || !address.isLoopbackAddress())) {
      throw new IllegalStateException(
          ("server.address=%s lets other machines in: set ablation.service.token, or"
                  + " server.address=127.0.0.1")
              .formatted(address == null ? "" : address.getHostAddress()));
    }
  }

  @Override
  protected boolean shouldNotFilterAsyncDispatch() {
    return true; // the request was let in before
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Referrer-Policy", "no-referrer");
    response.setHeader("X-Frame-Options", "SAMEORIGIN");
    if (!request.getRequestURI().endsWith(REPORT)) {
      response.setHeader("Content-Security-Policy", POLICY);
    }
    if (!OWN_NAMES.contains(request.getServerName()) && token == null) {
      refuse(response, HttpServletResponse.SC_FORBIDDEN, "call this service by the name localhost");
    } else if (!READING.contains(request.getMethod()) && isOfAnotherSite(request)) {
      refuse(response, HttpServletResponse.SC_FORBIDDEN, "a page of another site sent this");
    } else if (token == null || isToken(bearer(request)) || isToken(cookie(request))) {
      chain.doFilter(request, response);
    } else if (isToken(request.getParameter("token"))
        && READING.contains(request.getMethod())
        && request.getRequestURI().equals("/")) {
      response.addHeader(HttpHeaders.SET_COOKIE, remembered().toString());
      response.sendRedirect("/"); // the address bar and the history do not keep the token
    } else {
      response.setHeader(HttpHeaders.WWW_AUTHENTICATE, "Bearer");
      refuse(response, HttpServletResponse.SC_UNAUTHORIZED, "a token is needed");
    }
  }

  private ResponseCookie remembered() {
    return ResponseCookie.from(COOKIE, String.valueOf(token))
        .httpOnly(true)
        .sameSite("Strict")
        .path("/")
        .build();
  }

  private static boolean isOfAnotherSite(HttpServletRequest request) {
    String origin = request.getHeader(HttpHeaders.ORIGIN);
    if (origin == null) {
      return false;
    }
    try {
      String host = request.getHeader(HttpHeaders.HOST);
      return host == null || !host.equals(URI.create(origin).getAuthority());
    } catch (IllegalArgumentException e) {
      return true;
    }
  }

  private static @Nullable String bearer(HttpServletRequest request) {
    String header = request.getHeader(HttpHeaders.AUTHORIZATION);
    return header != null && header.startsWith(BEARER) ? header.substring(BEARER.length()) : null;
  }

  private static @Nullable String cookie(HttpServletRequest request) {
    if (request.getCookies() != null) {
      for (Cookie cookie : request.getCookies()) {
        if (cookie.getName().equals(COOKIE)) {
          return cookie.getValue();
        }
      }
    }
    return null;
  }

  /** In a time that does not tell how much of it is right. */
  private boolean isToken(@Nullable String text) {
    return text != null
        && token != null
        && MessageDigest.isEqual(
            text.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
  }

  private static void refuse(HttpServletResponse response, int status, String why)
      throws IOException {
    response.setStatus(status);
    response.setContentType("application/problem+json");
    response
        .getWriter()
        .write("{\"status\":%d,\"title\":\"Refused\",\"detail\":\"%s\"}".formatted(status, why));
  }
}
