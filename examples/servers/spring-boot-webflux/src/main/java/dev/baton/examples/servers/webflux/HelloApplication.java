package dev.baton.examples.servers.webflux;

import java.time.Duration;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;

/** Spring WebFlux: {@code java -jar hello-spring-boot-webflux.jar --server.port=PORT}. */
@SpringBootApplication
@RestController
public class HelloApplication {
    /**
     * Starts it.
     *
     * @param arguments Spring's
     */
    public static void main(String[] arguments) {
        var _ = SpringApplication.run(HelloApplication.class, arguments);
    }

    @GetMapping("/")
    Mono<String> hello() {
        return Mono.just("Hello, world!\n");
    }

    @GetMapping("/slow")
    Mono<String> slow(@RequestParam("ms") long ms) {
        return hello().delayElement(Duration.ofMillis(ms));
    }
}
