package dev.baton.it;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.conditions.ArchPredicates.are;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import dev.baton.Baton;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Who may use what: the rooms of the house, and the few things that have one place only. */
@AnalyzeClasses(packages = "dev.baton", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String API = "dev.baton";
    private static final String HANDOVER = "dev.baton.handover..";
    private static final String CONTROL = "dev.baton.control..";
    private static final String LINUX = "dev.baton.linux..";
    private static final String LAUNCH = "dev.baton.launch..";
    private static final String LOG = "dev.baton.log..";
    private static final String JDK = "dev.baton.jdk..";
    private static final String NETTY = "dev.baton.netty..";
    private static final String LOAD = "dev.baton.load..";
    private static final String CLI = "dev.baton.cli..";
    private static final String EXAMPLES = "dev.baton.examples..";

    // --- things that have one place only ---

    @ArchTest
    static final ArchRule onlyLinuxCallsNativeCode = noClasses()
            .that()
            .resideOutsideOfPackage(LINUX)
            .should()
            .dependOnClassesThat()
            .resideInAPackage("java.lang.foreign..");

    @ArchTest
    static final ArchRule onlyJdkKnowsTheInsidesOfTheJdk = noClasses()
            .that()
            .resideOutsideOfPackage(JDK)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("sun..", "jdk.internal..");

    @ArchTest
    static final ArchRule onlyProgramsPrint = noClasses()
            .that()
            .resideOutsideOfPackages(CLI, EXAMPLES)
            .should()
            .accessField(System.class, "out")
            .because("a library has no say in what its application prints");

    @ArchTest
    static final ArchRule onlyTheLogWritesLines = noClasses()
            .that()
            .resideOutsideOfPackages(LOG, EXAMPLES)
            .should()
            .callMethod(System.class, "getLogger", String.class)
            .because("a line may be stuck, and whoever hands over does not wait for it");

    @ArchTest
    static final ArchRule nobodySleeps = noClasses()
            .should()
            .callMethodWhere(target(owner(are(JavaClass.Predicates.assignableTo(Thread.class)
                            .or(JavaClass.Predicates.assignableTo(TimeUnit.class)))))
                    .and(target(name("sleep"))))
            .because("a wait waits for something, and has a deadline");

    // --- imports point one way: api, handover, control, linux ---

    @ArchTest
    static final ArchRule linuxUsesNoOtherRoom = usesNothingOfBatonBut(LINUX);

    @ArchTest
    static final ArchRule jdkUsesNoOtherRoom = usesNothingOfBatonBut(JDK);

    @ArchTest
    static final ArchRule logUsesNoOtherRoom = usesNothingOfBatonBut(LOG);

    @ArchTest
    static final ArchRule launchUsesNothingButTheJdk = classes()
            .that()
            .resideInAPackage(LAUNCH)
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(LAUNCH, "java..", "org.jspecify..");

    @ArchTest
    static final ArchRule controlDoesNotKnowWhatItIsUsedFor =
            noClasses().that().resideInAPackage(CONTROL).should().dependOnClassesThat(resideInAnyPackage(HANDOVER));

    @ArchTest
    static final ArchRule whatIsBelowTheApiUsesItsWordsNotItsEntrance = noClasses()
            .that()
            .resideInAnyPackage(HANDOVER, CONTROL)
            .should()
            .dependOnClassesThat()
            .areAssignableTo(Baton.class);

    @ArchTest
    static final ArchRule theApiShowsNothingOfWhatIsBelow =
            classes().that().resideInAPackage(API).and().arePublic().should(notExpose(HANDOVER, CONTROL, LINUX));

    /** A step of the wall clock is nothing that happens to Baton: only the Date of an answer comes from it. */
    @ArchTest
    static final ArchRule onlyTheMonotonicClockIsRead = noClasses()
            .that()
            .doNotHaveFullyQualifiedName("dev.baton.netty.Exchange")
            .and()
            .resideOutsideOfPackage(EXAMPLES)
            .should()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethodWhere(target(owner(resideInAPackage("java.time.."))).and(target(name("now"))))
            .orShould()
            .dependOnClassesThat()
            .belongToAnyOf(java.time.Clock.class, java.util.Date.class);

    // --- the modules ---

    @ArchTest
    static final ArchRule coreKnowsNoneOfItsUsers = noClasses()
            .that()
            .resideInAnyPackage(API, HANDOVER, CONTROL, LINUX, LAUNCH, LOG, JDK)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(NETTY, LOAD, CLI, EXAMPLES, "io.netty..", "picocli..");

    @ArchTest
    static final ArchRule nettyKnowsNoneOfItsUsers = noClasses()
            .that()
            .resideInAPackage(NETTY)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(LOAD, CLI, EXAMPLES);

    @ArchTest
    static final ArchRule loadKnowsNothingOfBaton = usesNothingOfBatonBut(LOAD);

    // --- names ---

    @ArchTest
    static final ArchRule namesSayTheRole = noClasses()
            .should()
            .haveSimpleNameEndingWith("Manager")
            .orShould()
            .haveSimpleNameEndingWith("Helper")
            .orShould()
            .haveSimpleNameEndingWith("Util")
            .orShould()
            .haveSimpleNameEndingWith("Utils");

    private static ArchRule usesNothingOfBatonBut(String room) {
        return noClasses()
                .that()
                .resideInAPackage(room)
                .should()
                .dependOnClassesThat(resideInAPackage("dev.baton..").and(not(resideInAPackage(room))));
    }

    /** Looks at what an application can see of a class: its supertypes and its public and protected members. */
    private static ArchCondition<JavaClass> notExpose(String... rooms) {
        DescribedPredicate<JavaClass> hidden = resideInAnyPackage(rooms);
        return new ArchCondition<>("not expose types of " + String.join(", ", rooms)) {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                var supertypes = Stream.concat(type.getSuperclass().stream(), type.getInterfaces().stream());
                Stream.concat(
                                supertypes,
                                type.getMembers().stream()
                                        .filter(this::isVisible)
                                        .flatMap(this::types))
                        .flatMap(seen -> seen.getAllInvolvedRawTypes().stream())
                        .filter(hidden)
                        .distinct()
                        .forEach(seen -> events.add(
                                SimpleConditionEvent.violated(type, type.getName() + " exposes " + seen.getName())));
            }

            private boolean isVisible(JavaMember member) {
                return member.getModifiers().contains(JavaModifier.PUBLIC)
                        || member.getModifiers().contains(JavaModifier.PROTECTED);
            }

            private Stream<JavaType> types(JavaMember member) {
                return switch (member) {
                    case JavaField field -> Stream.of(field.getType());
                    case JavaCodeUnit unit ->
                        Stream.of(
                                        Stream.of(unit.getReturnType()),
                                        unit.getParameterTypes().stream(),
                                        unit.getExceptionTypes().stream())
                                .flatMap(types -> types);
                    default -> Stream.empty();
                };
            }
        };
    }
}
