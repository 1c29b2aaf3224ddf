package dev.baton.examples.servers.micronaut;

import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;

/** Says hello. */
@Controller(produces = MediaType.TEXT_PLAIN)
@ExecuteOn(TaskExecutors.BLOCKING)
final class HelloController {
    @Get
    String hello() {
        return "Hello, world!\n";
    }

    @Get("/slow")
    String slow(@QueryValue long ms) throws InterruptedException {
        Thread.sleep(ms);
        return "Hello, world!\n";
    }
}
