package dev.ablation.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.context.ConfigurableApplicationContext;

@Timeout(120)
class AccessTest {
  private static final String TOKEN = "a-token-of-some-length";

  @TempDir private Path folder;

  @Test
  void needsATokenToListenElsewhere() {
    assertThatThrownBy(() -> AblationServiceTest.start(folder, "--server.address=0.0.0.0"))
        .rootCause()
        .hasMessageContaining("ablation.service.token");
    assertThatThrownBy(() -> AblationServiceTest.start(folder, "--ablation.service.token=short"))
        .rootCause()
        .hasMessageContaining("16");
  }

  @Test
  void letsInWhoHasTheToken() throws Exception {
    try (ConfigurableApplicationContext application =
        AblationServiceTest.start(
            folder, "--server.address=0.0.0.0", "--ablation.service.token=" + TOKEN)) {
      Client client = new Client(AblationServiceTest.port(application));
      Client.Answer none = client.get("/api/model");
      assertThat(none.status()).isEqualTo(401);
      assertThat(none.header("WWW-Authenticate")).isEqualTo("Bearer");
      assertThat(client.get("/api/model", "Authorization", "Bearer wrong").status()).isEqualTo(401);
      assertThat(client.get("/api/model", "Authorization", "Bearer " + TOKEN).status())
          .isEqualTo(200);
      assertThat(client.get("/api/model?token=" + TOKEN).status())
          .as("a token in a link opens the page alone")
          .isEqualTo(401);
      Client.Answer page = client.get("/?token=" + TOKEN);
      assertThat(page.status()).isEqualTo(302);
      String cookie = page.header("Set-Cookie");
      assertThat(cookie).contains("HttpOnly").contains("SameSite=Strict");
      assertThat(client.get("/", "Cookie", cookie.split(";")[0]).status()).isEqualTo(200);
    }
  }
}
