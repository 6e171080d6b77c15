package dev.ablation;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.junit.ArchTests;
import com.tngtech.archunit.lang.ArchRule;
import dev.ablation.archunit.HouseRules;

@AnalyzeClasses(packages = "dev.ablation", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest static final ArchTests HOUSE = ArchTests.in(HouseRules.class);

  @ArchTest static final ArchRule NO_CONSOLE = HouseRules.NO_CONSOLE;

  /** Core computes on arrays of DJL's api and leaves the choice of an engine to others. */
  @ArchTest
  static final ArchRule CORE_SEES_NO_ENGINE =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("ai.djl.pytorch..", "ai.djl.huggingface..", "dev.ablation.djl..")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("ai.djl.engine.Engine");
}
