import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Sends a large body with java.net.http, COUNT times: ADDRESS METHOD PATH SIZE HOW COUNT. It offers h2c. */
class Sender {
    public static void main(String[] arguments) throws Exception {
        String address = arguments[0];
        String how = arguments[4];
        byte[] body = "a".repeat(Integer.parseInt(arguments[3])).getBytes();
        HttpClient client = HttpClient.newHttpClient();
        List<String> statuses = new ArrayList<>();
        for (int n = 0; n < Integer.parseInt(arguments[5]); n++) {
            HttpRequest.Builder large = HttpRequest.newBuilder(URI.create(address + arguments[2]))
                .timeout(Duration.ofSeconds(60))
                .header("Content-Type", "application/json")
                .expectContinue(how.equals("expect"))
                .method(arguments[1], how.equals("chunked")
                    ? BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body))
                    : BodyPublishers.ofByteArray(body));
            HttpRequest healthy = HttpRequest.newBuilder(URI.create(address + "/healthz")).build();
            for (HttpRequest each : List.of(large.build(), healthy)) {
                try {
                    statuses.add("" + client.send(each, BodyHandlers.ofString()).statusCode());
                } catch (java.io.IOException error) {
                    statuses.add(("" + error).replace(' ', '_'));
                }
            }
        }
        System.out.println(String.join(" ", statuses));
        System.exit(0);
    }
}
