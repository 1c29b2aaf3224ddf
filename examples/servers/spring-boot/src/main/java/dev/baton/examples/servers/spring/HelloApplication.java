package dev.baton.examples.servers.spring;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Spring Boot: {@code java -jar hello-spring-boot.jar --server.port=PORT}. */
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
    String hello() {
        return "Hello, world!\n";
    }

    @GetMapping("/slow")
    String slow(@RequestParam("ms") long ms) throws InterruptedException {
        Thread.sleep(ms);
        return "Hello, world!\n";
    }
}
