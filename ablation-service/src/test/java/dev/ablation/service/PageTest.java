package dev.ablation.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.context.ConfigurableApplicationContext;

/** The page in a browser, from the choice of a target to its undoing. */
@Timeout(300)
class PageTest {
  @TempDir private Path folder;

  @Test
  void removesAConceptAndBringsItBack() throws Exception {
    Optional<Browser> started = Browser.start();
    assumeTrue(started.isPresent(), "no chromedriver");
    try (Browser browser = started.get();
        ConfigurableApplicationContext application = AblationServiceTest.start(folder)) {
      browser.open("http://localhost:" + AblationServiceTest.port(application) + "/");
      browser.await("document.querySelector('#model').textContent.includes('cpu')");
      browser.await("document.querySelectorAll('#targets option').length > 200");

      browser.type("#target", "blueprint");
      browser.click("#evaluate");
      browser.click("#method option[value='closed-form']");
      browser.click("#estimate");
      browser.await("document.querySelectorAll('#costs li').length > 0");
      browser.click("#remove button.main");
      browser.await("document.querySelector('#runs .state.done')");
      browser.click("#runs button[aria-label^='Apply']");
      browser.await("document.querySelector('#right').value === 'without-blueprint'");

      browser.type("#prompt", "a cat face, blueprint style");
      browser.click("#draw button.main");
      browser.await("document.querySelectorAll('#pictures img').length === 6");
      browser.await("[...document.querySelectorAll('#pictures img')].every(i => i.complete)");
      assertThat(
              browser
                  .run(
                      "return new Set([...document.querySelectorAll('#pictures img')].map(i => i.src)).size")
                  .getAsInt())
          .as("different pictures")
          .isEqualTo(6);
      browser.screenshot(Path.of("target/screenshots/service.png"));

      browser.click("#variants button");
      browser.await("document.querySelectorAll('#variants tr').length === 1");
      assertThat(browser.run("return document.querySelector('#right').value").getAsString())
          .isEqualTo("base");
      assertThat(unlabelled(browser)).as("controls without a name").isZero();
      assertThat(
              browser
                  .run(
                      "return performance.getEntriesByType('resource').every(e => e.name.startsWith(location.origin) || e.name.startsWith('data:'))")
                  .getAsBoolean())
          .as("nothing from elsewhere")
          .isTrue();
      assertThat(browser.errors()).isEmpty();

      browser.type("#target", "no such concept");
      browser.click("#remove button.main");
      browser.await(
          "document.querySelector('#remove-message').textContent.length > 0"
              + " || document.querySelector('#runs .state.failed')");
    }
  }

  private static int unlabelled(Browser browser) throws Exception {
    return browser
        .run(
            "return [...document.querySelectorAll('input, select, button')].filter(c =>"
                + " !(c.labels && c.labels.length) && !c.textContent.trim()"
                + " && !c.getAttribute('aria-label')).length")
        .getAsInt();
  }
}
