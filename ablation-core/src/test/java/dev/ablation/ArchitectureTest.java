package dev.ablation;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;

import ai.djl.engine.Engine;
import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.domain.JavaModifier;
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

  /** Core computes on arrays of DJL's api; which engine they are of is the affair of others. */
  @ArchTest
  static final ArchRule CORE_SEES_NO_ENGINE =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("ai.djl.pytorch..", "ai.djl.huggingface..", "dev.ablation.djl..");

  /** The engine of a given array may be asked for a manager; core never picks one by itself. */
  @ArchTest
  static final ArchRule CORE_CHOOSES_NO_ENGINE =
      noClasses().should().callMethodWhere(isAStaticMethodOf(Engine.class));

  /** How a plan is run is known to the way in alone. */
  @ArchTest
  static final ArchRule ONLY_THE_WAY_IN_KNOWS_THE_RUN =
      noClasses()
          .that()
          .resideOutsideOfPackages("dev.ablation", "dev.ablation.run")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("dev.ablation.run");

  /** A user is never handed a type of the run. */
  @ArchTest
  static final ArchRule NO_TYPE_OF_THE_RUN_IN_A_PUBLIC_SIGNATURE =
      noMethods()
          .that()
          .areDeclaredInClassesThat()
          .resideInAPackage("dev.ablation")
          .and()
          .arePublic()
          .should()
          .haveRawReturnType(JavaClass.Predicates.resideInAPackage("dev.ablation.run"));

  /** What everything else stands on knows nothing of models and concepts. */
  @ArchTest
  static final ArchRule INTERNAL_IS_THE_GROUND =
      noClasses()
          .that()
          .resideInAPackage("dev.ablation.internal..")
          .should()
          .dependOnClassesThat(
              DescribedPredicate.describe(
                  "are of another package of Ablation",
                  (JavaClass type) ->
                      type.getPackageName().startsWith("dev.ablation")
                          && !type.getPackageName().startsWith("dev.ablation.internal")));

  @ArchTest
  static void internalPackagesAreUsedAsTheDescriptorsExportThem(JavaClasses classes) {
    HouseRules.checkExportsOfInternals("dev.ablation.core", classes);
  }

  private static DescribedPredicate<JavaMethodCall> isAStaticMethodOf(Class<?> owner) {
    return DescribedPredicate.describe(
        "it is a static method of " + owner.getSimpleName(),
        call ->
            call.getTargetOwner().isEquivalentTo(owner)
                && call.getTarget()
                    .resolveMember()
                    .map(method -> method.getModifiers().contains(JavaModifier.STATIC))
                    .orElse(false));
  }
}
