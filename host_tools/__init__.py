"""What runs on the bench machine beside the SDK: generators and benchmark harnesses."""
